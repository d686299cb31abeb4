import { setTimeout as delay } from 'node:timers/promises';
import {
  ApiError,
  type Client,
  ConnectionError,
  type JsonObject,
  type Review,
  type Run,
  type SubmitResponse,
} from '../../src/client/index.js';
import { until } from '../support/until.js';
import type { TestStack } from './test-stack.js';

/** Somebody with a token. */
export type Person = { readonly id: string; readonly client: Client };

/** Adds a person who is a reviewer in one group. */
export async function addPerson(stack: TestStack, id: string, group: string): Promise<Person> {
  const admin = await stack.admin();
  await admin.users.put(id, { name: id, email: `${id}@example.com`, groups: [group] });
  const { token } = await admin.tokens.create({ user_id: id });
  return { id, client: stack.clientOf(token) };
}

/** An answer, and how often it took another try. */
export type Insisted<T> = { readonly answer: T; readonly failures: readonly string[] };

const PATIENCE_MS = 60_000;
const AGAIN_AFTER_MS = 100;

/**
 * Sends a request until it is answered with success, as a program with a deadline would.
 *
 * Only a missing answer and 503 are worth sending again: any other error is a fault of the server.
 */
export async function insist<T>(send: () => Promise<T>): Promise<Insisted<T>> {
  const failures: string[] = [];
  const giveUpAt = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return { answer: await send(), failures };
    } catch (error) {
      const isAway =
        error instanceof ConnectionError || (error instanceof ApiError && error.status === 503);
      if (!isAway || performance.now() > giveUpAt) {
        throw error;
      }
      failures.push(error instanceof ApiError ? error.code : error.name);
    }
    await delay(AGAIN_AFTER_MS);
  }
}

/** A run that waits at a gate. */
export type Parked = {
  readonly run: Run;
  readonly review: Review;
  /** What is under review, as the runtime made it. */
  readonly snapshot: JsonObject;
};

/** Starts runs of a workflow and waits until each has its review; the same name gives the same run. */
export async function park(
  stack: TestStack,
  workflowId: string,
  blockId: string,
  names: readonly string[],
): Promise<readonly Parked[]> {
  const client = await stack.admin();
  return await Promise.all(
    names.map(async (name, index) => {
      const snapshot = { name, total: 100 + index };
      const { answer: run } = await insist(() =>
        client.runs.start({
          workflow_id: workflowId,
          json_inputs: { [blockId]: snapshot },
          command_id: name,
        }),
      );
      return { run, review: await reviewOf(client, run.id), snapshot };
    }),
  );
}

/** The review of a run, as soon as there is one. */
export async function reviewOf(client: Client, runId: string): Promise<Review> {
  return await until(
    `the review of ${runId}`,
    async () => {
      const query = { run_id: runId, decision_status: 'all' } as const;
      const { answer } = await insist(() => client.reviews.list(query).page());
      return answer.data[0];
    },
    60_000,
  );
}

/** The verdict that one person has about one version. */
export type Ballot = {
  readonly reviewId: string;
  readonly versionId: string;
  readonly verdict: 'approved' | 'rejected';
};

/** Votes until it is answered. */
export async function vote(person: Person, ballot: Ballot): Promise<Insisted<SubmitResponse>> {
  const { reviewId, versionId, verdict } = ballot;
  const { reviews } = person.client;
  return await insist(() =>
    verdict === 'approved'
      ? reviews.approve(reviewId, versionId)
      : reviews.reject(reviewId, versionId, `${person.id} says no`),
  );
}

/** Waits until a run has really ended, not only been told to, and gives it. */
export async function ended(client: Client, runId: string, withinMs = 90_000): Promise<Run> {
  return await until(
    `the end of ${runId}`,
    async () => {
      const { answer } = await insist(() => client.runs.get(runId));
      if (answer.timing.completed_at !== null) {
        return answer;
      }
      await delay(AGAIN_AFTER_MS); // many look at once, on the machine that has to recover
      return null;
    },
    withinMs,
  );
}
