// `npm run demo -- agent-tool-call`: a model proposes a refund, a person lowers it, and the model hears what was paid.
import type { RunningStack } from '../running-stack.js';
import { asPerson, newestVersion, outputOf, say, waitingReview } from '../stages.js';
import { startScriptedModel } from './scripted-model.js';
import workflow from './workflow.js';

const REQUEST = 'The grinder of order o-1003 came with a broken lid. I want my money back.';

export default async function demo(stack: RunningStack): Promise<void> {
  const model = process.env['OPENAI_BASE_URL'] ?? '';
  if (model !== '') {
    say('model', model);
    await takeThrough(stack);
    return;
  }
  const scripted = await startScriptedModel();
  say('model', `none: a stand-in answers from files at ${scripted.baseUrl}`);
  try {
    await takeThrough(stack);
  } finally {
    await scripted.stop();
  }
}

async function takeThrough(stack: RunningStack): Promise<void> {
  const { client } = stack;
  const sam = await asPerson(stack, 'sam', { name: 'Sam', groups: ['support-leads'] });
  const { id, name, blocks } = workflow;
  await client.workflows.put(id, { name, blocks });
  const run = await client.runs.start({
    workflow_id: id,
    json_inputs: { request: { text: REQUEST } },
  });
  say('asked', REQUEST);

  const review = await waitingReview(client, { run_id: run.id, block_id: 'approved' });
  const proposed = await newestVersion(sam, review);
  say('proposed', JSON.stringify(proposed.snapshot));
  const edited = await sam.reviews.versions.create({
    review_id: review.id,
    parent_id: proposed.id,
    snapshot: { ...proposed.snapshot, arguments: { order: 'o-1003', amount: 30 } },
    note: 'a new lid is 30 euros',
  });
  say('edited', JSON.stringify(edited.snapshot));
  await sam.reviews.approve(review.id, edited.id);
  say('approved', 'by Sam of support-leads');

  const ended = await client.runs.waitFor(run.id);
  say('ended', `the run is ${ended.lifecycle.status}`);
  say('executed', JSON.stringify(await outputOf(client, run.id, 'execute')));
  say('replied', JSON.stringify(await outputOf(client, run.id, 'reply')));
}
