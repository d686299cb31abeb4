// `npm run demo`: takes one invoice through its gate, and prints each stage.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Client, createClient, hasEnded } from '../../src/client/index.js';
import { findLocalStack } from '../../src/cli/local-stack.js';
import { isJsonObject, type Json } from '../../src/domain/json.js';
import workflow from './workflow.js';

/** An invoice without the order it belongs to: somebody has to fill that in. */
const INVOICE = 'roussel-F2026-0093.xml';

const home = process.env['COUNTERSIGN_HOME'] ?? '.countersign';

async function main(): Promise<void> {
  const stack = await runningStack();
  try {
    const token = (await readFile(join(home, 'admin-token'), 'utf8')).trim();
    await takeThrough(createClient({ url: stack.url, token }));
  } finally {
    await stack.stop();
  }
}

async function takeThrough(client: Client): Promise<void> {
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

function say(stage: string, what: string): void {
  console.log(`${stage.padEnd(10)} ${what}`);
}

/** The stack of this home if it answers, else one that is started for the demo and stopped after it. */
async function runningStack(): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const known = await findLocalStack(home);
  if (known !== null && (await answers(known.api_url))) {
    return { url: known.api_url, stop: async () => {} };
  }
  console.log('no stack is running here: starting one for the demo');
  const child = spawn(process.execPath, ['bin/countersign.js', 'up', '--no-demo'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await readyUrl(child);
  return {
    url,
    stop: async () => {
      const exited = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await exited;
    },
  };
}

async function answers(url: string): Promise<boolean> {
  return await fetch(`${url}/healthz`).then(
    ({ ok }) => ok,
    () => false,
  );
}

async function readyUrl(child: ChildProcess): Promise<string> {
  if (child.stdout === null) {
    throw new Error('the stack has no output');
  }
  for await (const line of createInterface({ input: child.stdout })) {
    console.log(`  ${line}`);
    const ready = /^countersign ready: (\S+)/.exec(line);
    if (ready?.[1] !== undefined) {
      child.stdout.resume();
      return ready[1];
    }
  }
  throw new Error('the stack ended before it was ready: see what it printed above');
}

await main();
