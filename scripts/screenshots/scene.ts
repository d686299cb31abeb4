import type { Client, Review, Run } from '../../src/client/index.js';
import agentToolCall from '../../examples/agent-tool-call/workflow.js';
import commandApproval from '../../examples/command-approval/workflow.js';
import documentSplit from '../../examples/document-split/workflow.js';
import invoiceIntake from '../../examples/invoice-intake/workflow.js';
import type { RunningStack } from '../../examples/running-stack.js';
import { asPerson, newestVersion, waitingReview } from '../../examples/stages.js';

/** The people of the pictures, and the groups that the examples' gates ask. */
const PEOPLE = {
  dana: { name: 'Dana Rivera', groups: ['finance', 'dba', 'support-leads'] },
  lee: { name: 'Lee Okafor', groups: ['legal', 'owners'] },
} as const;

/** Where the pages of the pictures are. */
export type Scene = {
  readonly invoice: Review;
  readonly corrected: Review;
  readonly command: Review;
  readonly pile: Review;
  readonly loopRun: Run;
};

/** Takes runs of the examples as far as the pictures show them. */
export async function setScene(stack: RunningStack): Promise<Scene> {
  const { client } = stack;
  const dana = await asPerson(stack, 'dana', PEOPLE.dana);
  const lee = await asPerson(stack, 'lee', PEOPLE.lee);
  await client.users.put('alex', {
    name: 'Alex Moreau',
    email: 'alex@example.com',
    groups: [],
    roles: ['auditor'],
  });
  for (const { id, name, blocks } of [
    invoiceIntake,
    commandApproval,
    documentSplit,
    agentToolCall,
  ]) {
    await client.workflows.put(id, { name, blocks });
  }

  await decided(dana, await invoice(client, 'roussel-F2026-0093.xml'));
  await invoice(client, 'brandt-RE-20417.xml');
  const refused = await invoice(client, 'brandt-RE-20417.xml');
  await lee.reviews.reject(refused.id, refused.newest_version_id, 'Nobody ordered this.');
  const command = await sql(client, dana);
  const pile = await startPile(client);
  const loopRun = await startLoop(client, dana);
  return {
    invoice: await invoice(client, 'hotel-kirchengarten-2026-1187.pdf'),
    corrected: await corrected(client, dana, lee),
    command,
    pile,
    loopRun,
  };
}

async function invoice(client: Client, file: string): Promise<Review> {
  const run = await client.runs.start({
    workflow_id: invoiceIntake.id,
    json_inputs: { extract: { file } },
  });
  return await waitingReview(client, { run_id: run.id, block_id: 'extract' });
}

async function decided(reviewer: Client, review: Review): Promise<void> {
  await reviewer.reviews.approve(review.id, review.newest_version_id);
}

/** An invoice that one person has corrected after the other had looked at it. */
async function corrected(client: Client, dana: Client, lee: Client): Promise<Review> {
  const review = await invoice(client, 'roussel-F2026-0093.xml');
  const seed = await newestVersion(lee, review);
  await dana.reviews.versions.create({
    review_id: review.id,
    parent_id: seed.id,
    snapshot: {
      ...seed.snapshot,
      buyer: { name: 'Havenkade France SAS', reference: 'PO-2026-118' },
    },
    note: 'The order number was on the delivery note.',
  });
  return review;
}

/** A statement that one of its two groups has corrected and approved. */
async function sql(client: Client, dana: Client): Promise<Review> {
  const run = await client.runs.start({
    workflow_id: commandApproval.id,
    json_inputs: {
      run_sql: {
        statement: "delete from accounts where last_login < '2025-01-01' returning id, email",
        why: 'accounts that nobody uses',
      },
    },
  });
  const review = await waitingReview(client, { run_id: run.id, block_id: 'run_sql' });
  const seed = await newestVersion(dana, review);
  const better = await dana.reviews.versions.create({
    review_id: review.id,
    parent_id: seed.id,
    snapshot: {
      ...seed.snapshot,
      statement:
        "delete from accounts where last_login < '2025-01-01' and not paying returning id, email",
    },
    note: 'Customers who pay stay.',
  });
  await dana.reviews.approve(review.id, better.id);
  return review;
}

async function startPile(client: Client): Promise<Review> {
  const run = await client.runs.start({ workflow_id: documentSplit.id });
  return await waitingReview(client, { run_id: run.id, block_id: 'split' });
}

/** A pile whose split is approved, so that its documents wait one by one. */
async function startLoop(client: Client, dana: Client): Promise<Run> {
  const split = await startPile(client);
  await dana.reviews.approve(split.id, split.newest_version_id);
  await waitingReview(client, { run_id: split.run_id, block_id: 'read' });
  return await client.runs.get(split.run_id);
}
