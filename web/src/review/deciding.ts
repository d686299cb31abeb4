import { ApiError, path, send, sentenceOf } from '../api/http.js';
import type { ReviewStatus, SubmitResponse } from '../api/wire.js';

/** A newer version has come than the one that a decision was about; nothing was sent. */
export class NewerVersion extends Error {
  override readonly name = 'NewerVersion';

  constructor() {
    super('A newer version has come since. Look at it, then decide again.');
  }
}

/** What can be said beside an approval. */
export type Approving = {
  /** The person has been shown what is newer, and means this one nevertheless. */
  readonly isOlderFine?: boolean;
  /** Versions that this approval may discard. */
  readonly acknowledged?: readonly string[];
};

/**
 * Approves exactly one version.
 *
 * @throws NewerVersion when it is not the newest any more, and the person does not know
 */
export async function approve(
  reviewId: string,
  versionId: string,
  { isOlderFine = false, acknowledged = [] }: Approving = {},
): Promise<SubmitResponse> {
  return await sendVote(path`/v1/workflows/reviews/${reviewId}/approve`, {
    version_id: versionId,
    if_newest: !isOlderFine,
    ...(acknowledged.length === 0 ? {} : { acknowledged_superseded_version_ids: acknowledged }),
  });
}

/**
 * Rejects a review, having seen this version and none that is newer.
 *
 * @throws NewerVersion when there is a newer one
 */
export async function reject(
  reviewId: string,
  seenNewestId: string,
  reason: string,
): Promise<SubmitResponse> {
  return await sendVote(path`/v1/workflows/reviews/${reviewId}/reject`, {
    version_id: seenNewestId,
    if_newest: true,
    reason,
  });
}

/** A page may have missed an event: whether a vote comes from a screen that is behind is for the server to say. */
async function sendVote(url: string, body: object): Promise<SubmitResponse> {
  try {
    return await send<SubmitResponse>('POST', url, body);
  } catch (error) {
    throw error instanceof ApiError && error.code === 'stale_version' ? new NewerVersion() : error;
  }
}

/** Takes the person's own approval back; the review waits on if it was needed. */
export async function takeBack(reviewId: string, reason: string): Promise<SubmitResponse> {
  return await send('POST', path`/v1/workflows/reviews/${reviewId}/withdraw`, {
    what: 'own_approval',
    reason,
  });
}

/** Withdraws what was decided before its release. */
export async function withdraw(
  reviewId: string,
  verdict: 'rejected' | 'revoked',
  reason: string,
): Promise<SubmitResponse> {
  return await send('POST', path`/v1/workflows/reviews/${reviewId}/withdraw`, {
    what: 'decision',
    verdict,
    reason,
  });
}

/** Who fills an entry from now on. */
export type Assignee = { readonly group: string } | { readonly reviewer: string };

/** Gives an open entry to somebody else. */
export async function reassign(
  reviewId: string,
  entry: string,
  to: Assignee,
  reason: string,
): Promise<SubmitResponse> {
  return await send('POST', path`/v1/workflows/reviews/${reviewId}/reassign`, {
    entry,
    to,
    reason,
  });
}

/** Lets a manual release go on. */
export async function release(reviewId: string): Promise<SubmitResponse> {
  return await send('POST', path`/v1/workflows/reviews/${reviewId}/release`, {});
}

/** What became of a decision, in a sentence that promises no more than is known. */
export type Outcome = { readonly tone: 'good' | 'warn' | 'bad'; readonly text: string };

/** Says what the server answered. */
export function describeOutcome(answer: SubmitResponse): Outcome {
  const { submission_status: submitted, review } = answer;
  if (submitted === 'conflict') {
    const by = review.decision?.author.display_name ?? 'somebody else';
    const verdict = review.decision?.verdict ?? 'decided';
    return { tone: 'bad', text: `Not recorded: ${by} ${verdict} it before you.` };
  }
  if (submitted === 'already_applied' && review.decision !== null) {
    // Whose vote it was that decided is known; that this one counted would be more than is known.
    const { author, verdict } = review.decision;
    const did = review.status === 'REVOKED' ? 'revoked' : verdict;
    return { tone: 'good', text: `It was decided already: ${author.display_name} ${did} it.` };
  }
  const recorded = submitted === 'already_applied' ? 'It was recorded before' : 'Recorded';
  return describeResume(recorded, answer.resume_status, review.status);
}

const RESUMED = {
  PENDING: '. More approvals are needed.',
  APPROVED: '. The workflow has been told.',
  REJECTED: '. The workflow has been told to end.',
  REVOKED: '. The workflow has been told to end.',
  PROCESSING: '. The workflow has resumed.',
  EXECUTED: '. The workflow has resumed.',
  UNKNOWN: '. The workflow has resumed.',
} as const satisfies Record<ReviewStatus, string>;

/** What became of telling the waiting workflow, after the words that say what was recorded. */
export function describeResume(
  recorded: string,
  resume: SubmitResponse['resume_status'],
  status: SubmitResponse['review']['status'],
): Outcome {
  switch (resume) {
    case 'resumed':
      return { tone: 'good', text: `${recorded}${RESUMED[status]}` };
    case 'pending':
      return {
        tone: 'warn',
        text: `${recorded}. The workflow will resume when its engine answers; the decision is safe.`,
      };
    case 'failed':
      return {
        tone: 'warn',
        text: `${recorded}. Its workflow is gone: an operator can start it again, and the decision stays.`,
      };
    case 'skipped':
      return { tone: 'good', text: `${recorded}.` };
  }
}

/** What an error means for a decision. */
export function describeError(error: unknown): string {
  return `Not recorded: ${sentenceOf(error)}`;
}
