import { reviewOf } from '../fault/people.js';
import type { TestStack } from '../fault/test-stack.js';

/** Leaves something of every kind in a stack, so that lists have rows and their schemas are tried. */
export async function fillStack(stack: TestStack): Promise<void> {
  const client = await stack.admin();
  const kinds = [
    { type: 'task', snapshot: { n: 1 } },
    { type: 'extract', snapshot: { total: null } },
    { type: 'classifier', snapshot: { category: 'invoice' } },
    { type: 'split', snapshot: { documents: [{ name: 'a', pages: [1, 2] }] } },
  ] as const;
  for (const { type, snapshot } of kinds) {
    const executor = { kind: 'supplied' } as const;
    await client.workflows.put(`wf_${type}`, {
      blocks: [{ id: 'gated', type, executor, review: { groups: ['finance', 'legal'] } }],
    });
    for (const outcome of ['pending', 'approved', 'rejected'] as const) {
      const run = await client.runs.start({
        workflow_id: `wf_${type}`,
        json_inputs: { gated: snapshot },
      });
      const review = await reviewOf(client, run.id);
      if (outcome === 'rejected') {
        await client.reviews.reject(review.id, review.newest_version_id, 'it is wrong');
      }
    }
  }
}
