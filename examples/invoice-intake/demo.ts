// `npm run demo`: takes one invoice through its gate, and prints each stage.
import { hasEnded } from '../../src/client/index.js';
import { isJsonObject, type Json } from '../../src/domain/json.js';
import type { RunningStack } from '../running-stack.js';
import { say } from '../stages.js';
import workflow from './workflow.js';

/** An invoice without the order it belongs to: somebody has to fill that in. */
const INVOICE = 'roussel-F2026-0093.xml';

export default async function demo({ client }: RunningStack): Promise<void> {
  const { id, name, blocks } = workflow;
  const stored = await client.workflows.put(id, { name, blocks });
  say('declared', `workflow ${id}, version ${stored.version_id}`);

  const run = await client.runs.start({
    workflow_id: id,
    json_inputs: { extract: { file: INVOICE } },
  });
  say('started', `run ${run.id} on ${INVOICE}`);

  const waiting = await client.runs.waitFor(run.id, {
    until: (now) => now.lifecycle.status === 'awaiting_review' || hasEnded(now),
  });
  say('parked', `the run is ${waiting.lifecycle.status}`);
  const [review] = (await client.reviews.list({ run_id: run.id }).page()).data;
  if (review === undefined) {
    throw new Error(`run ${run.id} did not stop at its gate`);
  }
  const explanation = await client.reviews.explain(review.id);
  say('why', explanation.opened_because);

  const [seed] = (await client.reviews.versions.list(review.id).page()).data;
  if (seed === undefined) {
    throw new Error(`review ${review.id} has no version`);
  }
  say('extracted', JSON.stringify({ buyer: seed.snapshot['buyer'] }));
  const corrected = await client.reviews.versions.create({
    review_id: review.id,
    parent_id: seed.id,
    snapshot: { ...seed.snapshot, buyer: withReference(seed.snapshot['buyer'], 'PO-2026-118') },
    note: 'the order number was on the delivery note',
  });
  say('corrected', `version ${corrected.id}`);

  const approved = await client.reviews.approve(review.id, corrected.id);
  say('approved', `${approved.submission_status}, workflow ${approved.resume_status}`);

  const ended = await client.runs.waitFor(run.id);
  const [booked] = (await client.steps.list({ run_id: run.id, block_id: 'book' }).page()).data;
  say('ended', `the run is ${ended.lifecycle.status}`);
  say('booked', JSON.stringify(booked?.handle_outputs['output-json-0']?.data, null, 2));
}

function withReference(buyer: Json | undefined, reference: string): Json {
  return buyer !== undefined && isJsonObject(buyer) ? { ...buyer, reference } : { reference };
}
