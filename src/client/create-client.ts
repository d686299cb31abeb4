import {
  auditClient,
  tokensClient,
  usersClient,
  type AuditClient,
  type TokensClient,
  type UsersClient,
} from './people.js';
import { reviewsClient, type ReviewsClient } from './reviews.js';
import { runsClient, stepsClient, type RunsClient, type StepsClient } from './runs.js';
import { snapshotsClient, type SnapshotsClient } from './snapshots.js';
import { createTransport, type ClientOptions } from './transport.js';
import type { Me } from './wire.js';
import { workflowsClient, type WorkflowsClient } from './workflows.js';

/** A client of one server, on behalf of one person or service. */
export type Client = {
  readonly reviews: ReviewsClient;
  readonly runs: RunsClient;
  readonly steps: StepsClient;
  readonly workflows: WorkflowsClient;
  readonly snapshots: SnapshotsClient;
  readonly users: UsersClient;
  readonly tokens: TokensClient;
  readonly audit: AuditClient;
  /** Says whose token this is. */
  me(): Promise<Me>;
};

/**
 * Makes a client of the HTTP API; nothing is sent yet.
 *
 * 1. Fields of requests and answers have the names that they have on the wire.
 * 2. An answer that is no success rejects with an `ApiError`, no answer at all with a `ConnectionError`.
 * 3. Only reads are sent again by themselves, and only when the server asks for it (429, 503). What changes
 *    something is sent once; see `runs.start` for how to send it again safely.
 *
 * @throws TypeError when the URL or the token cannot be used at all
 */
export function createClient(options: ClientOptions): Client {
  const transport = createTransport(options);
  return {
    reviews: reviewsClient(transport),
    runs: runsClient(transport),
    steps: stepsClient(transport),
    workflows: workflowsClient(transport),
    snapshots: snapshotsClient(transport),
    users: usersClient(transport),
    tokens: tokensClient(transport),
    audit: auditClient(transport),
    me: () => transport.get('/v1/me'),
  };
}
