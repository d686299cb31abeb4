import type { Scope } from '../../src/domain/people.js';
import { SYSTEM } from '../../src/store/actors.js';
import { createToken } from '../../src/store/tokens.js';
import type { OpenedReview, Reply, Sending, TestApi } from './api.js';

/** A trusted backend: the id of its token, and the secret. */
export type Backend = { readonly id: string; readonly secret: string };

/** Makes a backend whose token has these scopes. */
export async function backend(
  api: TestApi,
  service: string,
  ...scopes: readonly Scope[]
): Promise<Backend> {
  const { row, secret } = await createToken(api.db, SYSTEM, { service, scopes });
  return { id: row.id, secret };
}

/** The headers with which a backend says who it is. */
export function credentials({ id, secret }: Backend): Readonly<Record<string, string>> {
  return { 'x-velt-api-key': id, 'x-velt-auth-token': secret };
}

/** Asks something of this contract: `endpoint` is what stands behind `/v2/workflow/`. */
export async function ask(
  api: TestApi,
  as: Backend,
  endpoint: string,
  data: unknown,
  sending: Sending = {},
): Promise<Reply> {
  return await api.post(`/v2/workflow/${endpoint}`, {
    as: null,
    body: { data },
    ...sending,
    headers: { ...credentials(as), ...sending.headers },
  });
}

/** Decides for a reviewer on a review. */
export async function decideFor(
  api: TestApi,
  as: Backend,
  review: Pick<OpenedReview, 'runId' | 'stepId'>,
  reviewerId: string,
  about: Readonly<Record<string, unknown>> = {},
): Promise<Reply> {
  const { runId: executionId, stepId } = review;
  const data = { executionId, stepId, reviewerId, decision: 'approve', ...about };
  return await ask(api, as, 'steps/recordReviewerDecision', data);
}

/** The answer of an error in this contract. */
export function failure(
  status: number,
  word: string,
  message: string,
  details?: unknown,
): { readonly status: number; readonly body: unknown } {
  return {
    status,
    body: {
      error: { message, status: word, ...(details === undefined ? {} : { details }) },
    },
  };
}

/** The answer to a decision that was recorded. */
export function recorded(aggregatorStatus: 'pending' | 'resolved' | 'rejected'): {
  readonly status: number;
  readonly body: unknown;
} {
  const resumeScheduled = aggregatorStatus !== 'pending';
  return { status: 200, body: { result: { recorded: true, aggregatorStatus, resumeScheduled } } };
}

/** The answer to a decision that its reviewer had made before. */
export function replayed(aggregatorStatus: 'pending' | 'resolved' | 'rejected'): {
  readonly status: number;
  readonly body: unknown;
} {
  const said = { recorded: false, aggregatorStatus, resumeScheduled: false };
  return { status: 200, body: { result: { ...said, rejectionReason: 'idempotent' } } };
}
