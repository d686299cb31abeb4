// `npm run demo -- document-split`: a page is moved, one invoice is approved, one is dropped, one needs nobody.
import type { RunningStack } from '../running-stack.js';
import { newestVersion, outputOf, say, waitingReview, waitingReviews } from '../stages.js';
import workflow from './workflow.js';

/** The pile as it is: page 4 is the delivery note of the last invoice. */
const CORRECTED = [
  { name: 'BK-311', pages: [1, 2] },
  { name: 'LS-2041', pages: [3] },
  { name: 'MD-0098', pages: [4, 5] },
];

/** An invoice that was booked before. */
const PAID = 'LS-2041';

export default async function demo({ client }: RunningStack): Promise<void> {
  const { id, name, blocks } = workflow;
  await client.workflows.put(id, { name, blocks });
  const run = await client.runs.start({ workflow_id: id });
  say('started', `run ${run.id} on bundle.pdf`);

  const split = await waitingReview(client, { run_id: run.id, block_id: 'split' });
  const found = await newestVersion(client, split);
  say('found', JSON.stringify(found.snapshot['documents']));
  const corrected = await client.reviews.versions.create({
    review_id: split.id,
    parent_id: found.id,
    snapshot: { documents: CORRECTED },
    note: 'page 4 is the delivery note of MD-0098',
  });
  await client.reviews.approve(split.id, corrected.id);
  say('corrected', JSON.stringify(CORRECTED));

  for (const review of await waitingReviews(client, { run_id: run.id, block_id: 'read' }, 2)) {
    const version = await newestVersion(client, review);
    const { number } = version.snapshot;
    say('waits', JSON.stringify(version.snapshot));
    if (number === PAID) {
      await client.reviews.reject(review.id, version.id, 'We paid it in January.');
      say('dropped', PAID);
    } else {
      await client.reviews.approve(review.id, version.id);
      say('approved', JSON.stringify(number));
    }
  }

  const ended = await client.runs.waitFor(run.id);
  say('ended', `the run is ${ended.lifecycle.status}`);
  say('booked', JSON.stringify(await outputOf(client, run.id, 'list'), null, 2));
}
