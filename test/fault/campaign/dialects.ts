import type { Assignee } from './checker/rules.js';
import { listAt, textAt, valueAt, type Json } from './json.js';
import type { Meaning, Request } from './requests.js';

/** The wires by which people vote. */
export const DIALECTS = ['retab', 'overlay', 'hoop', 'velt'] as const;
export type Dialect = (typeof DIALECTS)[number];

/** A vote that somebody has decided to give. */
export type Ballot = {
  readonly reviewId: string;
  readonly runId: string;
  readonly stepId: string;
  readonly by: string;
  readonly verdict: 'approved' | 'rejected';
  readonly versionId: string;
  readonly force: boolean;
};

/** Whose tokens requests are sent with. */
export type Tokens = {
  readonly of: (personId: string) => string;
  readonly backend: { readonly id: string; readonly secret: string };
};

const bearer = (token: string): Readonly<Record<string, string>> => ({
  authorization: `Bearer ${token}`,
});

const REASON = 'The total is not what was ordered.';

/** A vote as each contract has it; the overlay's needs what was read before. */
export function voteIn(
  dialect: Exclude<Dialect, 'overlay'>,
  tokens: Tokens,
  ballot: Ballot,
): Request {
  const { reviewId, runId, stepId, by, verdict, versionId, force } = ballot;
  const purpose = { kind: 'vote', reviewId, by, verdict, versionId, force } as const;
  switch (dialect) {
    case 'retab':
      return {
        purpose,
        dialect,
        method: 'POST',
        path: `/v1/workflows/reviews/${reviewId}/${verdict === 'approved' ? 'approve' : 'reject'}`,
        headers: bearer(tokens.of(by)),
        body:
          verdict === 'approved'
            ? { version_id: versionId }
            : { version_id: versionId, reason: REASON },
        readSuccess: readSubmission,
      };
    case 'hoop':
      return {
        purpose,
        dialect,
        method: 'PUT',
        path: `/api/reviews/${reviewId}`,
        headers: bearer(tokens.of(by)),
        body: {
          status: verdict.toUpperCase(),
          version_id: versionId,
          force_review: force,
          ...(verdict === 'rejected' ? { rejection_reason: REASON } : {}),
        },
      };
    case 'velt':
      return {
        purpose,
        dialect,
        method: 'POST',
        path: '/v2/workflow/steps/recordReviewerDecision',
        headers: veltHeaders(tokens),
        body: {
          data: {
            executionId: runId,
            stepId,
            reviewerId: by,
            decision: verdict === 'approved' ? 'approve' : 'reject',
            versionId,
            reason: REASON,
          },
        },
        // A replay tells of an earlier decision of theirs, whichever it was.
        readSuccess: (body) =>
          valueAt(body, 'result', 'recorded') === true ? 'recorded' : 'perhaps',
      };
  }
}

export function readOverlay(tokens: Tokens, ballot: Ballot): Request {
  return {
    purpose: { kind: 'read' },
    dialect: 'overlay',
    method: 'GET',
    path: overlayPath(ballot),
    headers: bearer(tokens.of(ballot.by)),
  };
}

/** The stamp of an overlay, and the place of the version whose snapshot has this hash; null where it has none. */
export function seenIn(
  body: unknown,
  snapshotSha256: string,
): { stamp: number; seq: number } | null {
  const stamp = valueAt(body, 'rev');
  const version = listAt(body, 'versions').find(
    (one) => textAt(one, 'content_sha256') === snapshotSha256,
  );
  const seq = valueAt(version, 'seq');
  return typeof stamp === 'number' && typeof seq === 'number' ? { stamp, seq } : null;
}

/** A vote in the overlay contract: on a place among the versions, by the stamp that was read. */
export function voteOnOverlay(
  tokens: Tokens,
  ballot: Ballot,
  seen: { readonly stamp: number; readonly seq: number },
  commandId: string,
): Request {
  const { reviewId, by, verdict, versionId } = ballot;
  return {
    purpose: { kind: 'vote', reviewId, by, verdict, versionId, force: false },
    dialect: 'overlay',
    method: 'POST',
    path: `${overlayPath(ballot)}/decision`,
    headers: bearer(tokens.of(by)),
    body: {
      verdict,
      version_stamp: seen.stamp,
      edited_output: null,
      on_seq: seen.seq,
      effective_seq: null,
      reason: verdict === 'rejected' ? REASON : null,
      escalate_to: null,
      command_id: commandId,
    },
    readSuccess: (body) => (textAt(body, 'submission_status') === 'accepted' ? 'recorded' : 'done'),
  };
}

function overlayPath({ runId, stepId }: Ballot): string {
  return `/v1/workflows/reviews/${runId}/${encodeURIComponent(stepId)}`;
}

/** A correction: a version that a person makes from another one. */
export function correct(
  tokens: Tokens,
  about: {
    readonly reviewId: string;
    readonly by: string;
    readonly parentId: string;
    readonly snapshot: Json;
  },
): Request {
  const { reviewId, by, parentId, snapshot } = about;
  return {
    purpose: { kind: 'correction', reviewId, by, snapshot },
    dialect: 'retab',
    method: 'POST',
    path: '/v1/workflows/reviews/versions',
    headers: bearer(tokens.of(by)),
    body: { review_id: reviewId, parent_id: parentId, snapshot, note: null },
  };
}

/** Takes back an approval that was not released yet, for the owner of the run. */
export function withdraw(
  tokens: Tokens,
  about: { readonly reviewId: string; readonly by: string; readonly versionId: string },
): Request {
  const { reviewId, by, versionId } = about;
  return {
    purpose: { kind: 'vote', reviewId, by, verdict: 'revoked', versionId, force: false },
    dialect: 'native',
    method: 'POST',
    path: `/v1/workflows/reviews/${reviewId}/withdraw`,
    headers: bearer(tokens.of(by)),
    body: { verdict: 'revoked', reason: 'It was too early.' },
    readSuccess: readSubmission,
  };
}

/** Takes back one's own approval, whatever was decided by it. */
export function takeBack(
  tokens: Tokens,
  { reviewId, by }: { readonly reviewId: string; readonly by: string },
): Request {
  return {
    purpose: { kind: 'withdrawn', reviewId, by },
    dialect: 'native',
    method: 'POST',
    path: `/v1/workflows/reviews/${reviewId}/withdraw`,
    headers: bearer(tokens.of(by)),
    body: { what: 'own_approval', reason: 'On second thoughts.' },
    readSuccess: readSubmission,
  };
}

/** Gives an entry to another group or person. */
export function reassign(
  tokens: Tokens,
  about: {
    readonly reviewId: string;
    readonly by: string;
    readonly entry: string;
    readonly to: Assignee;
  },
): Request {
  const { reviewId, by, entry, to } = about;
  return {
    purpose: { kind: 'reassigned', reviewId, by },
    dialect: 'native',
    method: 'POST',
    path: `/v1/workflows/reviews/${reviewId}/reassign`,
    headers: bearer(tokens.of(by)),
    body: { entry, to: { [to.kind]: to.subject }, reason: 'They are away.' },
    readSuccess: readSubmission,
  };
}

/** Lets what was approved go on where its gate waits for that. */
export function release(
  tokens: Tokens,
  about: { readonly reviewId: string; readonly stepId: string; readonly by: string },
  dialect: 'native' | 'hoop',
): Request {
  const { reviewId, stepId, by } = about;
  const isNative = dialect === 'native';
  return {
    purpose: { kind: 'release', reviewId, by },
    dialect,
    method: 'POST',
    path: isNative
      ? `/v1/workflows/reviews/${reviewId}/release`
      : `/api/sessions/${encodeURIComponent(stepId)}/exec`,
    headers: bearer(tokens.of(by)),
    ...(isNative ? { body: {} } : { patienceMs: 5_000 }), // exec waits for the execution
  };
}

/** Cancels a run: by its owner, or by a backend. */
export function cancel(
  tokens: Tokens,
  about: { readonly runId: string; readonly by: string },
  dialect: 'retab' | 'velt',
): Request {
  const { runId, by } = about;
  const purpose = { kind: 'cancel', runId, by } as const;
  return dialect === 'retab'
    ? {
        purpose,
        dialect,
        method: 'POST',
        path: `/v1/workflows/runs/${runId}/cancel`,
        headers: bearer(tokens.of(by)),
        body: { reason: 'Not wanted any more.' },
      }
    : {
        purpose,
        dialect,
        method: 'POST',
        path: '/v2/workflow/executions/cancel',
        headers: veltHeaders(tokens),
        body: { data: { executionId: runId, reason: 'Not wanted any more.' } },
      };
}

/** Starts a run; the same command id gives the same run. */
export function start(
  tokens: Tokens,
  about: {
    readonly workflowId: string;
    readonly inputs: Json;
    readonly by: string;
    readonly commandId: string;
  },
): Request {
  const { workflowId, inputs, by, commandId } = about;
  return {
    purpose: { kind: 'start', commandId, by },
    dialect: 'retab',
    method: 'POST',
    path: '/v1/workflows/runs',
    headers: bearer(tokens.of(by)),
    body: { workflow_id: workflowId, json_inputs: inputs, command_id: commandId },
  };
}

/** Reads something; nothing depends on it but what is done next. */
export function read(tokens: Tokens, by: string, path: string): Request {
  return {
    purpose: { kind: 'read' },
    dialect: 'retab',
    method: 'GET',
    path,
    headers: bearer(tokens.of(by)),
  };
}

function veltHeaders({ backend }: Tokens): Readonly<Record<string, string>> {
  return { 'x-velt-api-key': backend.id, 'x-velt-auth-token': backend.secret };
}

function readSubmission(body: unknown): Meaning {
  switch (textAt(body, 'submission_status')) {
    case 'accepted':
      return 'recorded';
    case 'already_applied':
      return 'done';
    default:
      return 'refused'; // conflict: the decision that stands is another
  }
}
