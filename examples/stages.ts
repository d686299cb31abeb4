import { setTimeout as pause } from 'node:timers/promises';
import {
  type Client,
  createClient,
  hasEnded,
  type Json,
  type Review,
  type Version,
} from '../src/client/index.js';
import type { RunningStack } from './running-stack.js';

/** Prints one stage of a demo. */
export function say(stage: string, what: string): void {
  console.log(`${stage.padEnd(10)} ${what}`);
}

// #region person
/** Stores a person with their groups, and gives a client on their behalf. */
export async function asPerson(
  { url, client }: RunningStack,
  id: string,
  about: { readonly name: string; readonly groups: readonly string[] },
): Promise<Client> {
  await client.users.put(id, { ...about, email: `${id}@example.com` });
  const { token } = await client.tokens.create({ user_id: id });
  return createClient({ url, token });
}
// #endregion person

/** Waits until that many reviews of a block wait in a run, and gives them in the order in which they opened. */
export async function waitingReviews(
  client: Client,
  at: { readonly run_id: string; readonly block_id: string },
  count: number,
): Promise<readonly Review[]> {
  for (;;) {
    const { data } = await client.reviews.list(at).page();
    if (data.length >= count) {
      return data;
    }
    const run = await client.runs.get(at.run_id);
    if (hasEnded(run)) {
      throw new Error(`run ${run.id} is ${run.lifecycle.status}, and did not stop at its gate`);
    }
    await pause(200);
  }
}

/** Waits until a block of a run waits for review, and gives the review. */
export async function waitingReview(
  client: Client,
  at: { readonly run_id: string; readonly block_id: string },
): Promise<Review> {
  const [review] = await waitingReviews(client, at, 1);
  if (review === undefined) {
    throw new Error(`no review of ${at.block_id} waits in run ${at.run_id}`);
  }
  return review;
}

/** The version of a review that people look at now. */
export async function newestVersion(client: Client, review: Review): Promise<Version> {
  return await client.reviews.versions.get(review.newest_version_id);
}

/** What a block of a run gave; null if it gave nothing. */
export async function outputOf(client: Client, runId: string, blockId: string): Promise<Json> {
  const [step] = (await client.steps.list({ run_id: runId, block_id: blockId }).page()).data;
  return step?.handle_outputs['output-json-0']?.data ?? null;
}
