import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Client as Server } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import {
  type ScriptedModel,
  startScriptedModel,
} from '../../examples/agent-tool-call/scripted-model.js';
import { refundsFile } from '../../examples/agent-tool-call/tools.js';
import agentToolCall from '../../examples/agent-tool-call/workflow.js';
import { accountIds, openShop } from '../../examples/command-approval/shop.js';
import commandApproval from '../../examples/command-approval/workflow.js';
import { makeBundle } from '../../examples/document-split/make-bundle.js';
import documentSplit from '../../examples/document-split/workflow.js';
import { asPerson, outputOf, waitingReview, waitingReviews } from '../../examples/stages.js';
import type { DeclaredWorkflow } from '../../src/index.js';
import type { Client, Json, JsonObject, Review, Run } from '../../src/client/index.js';
import { databaseUrl } from '../support/database.js';
import { type ExampleStack, startExampleStack } from '../support/example-stack.js';

const SHOP = databaseUrl(inject('postgresUrl'), `shop_${randomUUID().replaceAll('-', '')}`);

/** A demo is a process of its own, which compiles what it imports. */
const DEMO_MS = 90_000;

let stack: ExampleStack;
let client: Client;
let model: ScriptedModel;

beforeAll(async () => {
  model = await startScriptedModel(0);
  stack = await startExampleStack({
    SHOP_DATABASE_URL: SHOP,
    OPENAI_BASE_URL: model.baseUrl,
    OPENAI_API_KEY: 'key-of-the-test',
    OPENAI_MODEL: 'model-of-the-test',
  });
  ({ client } = stack);
  for (const { id, name, blocks } of [commandApproval, documentSplit, agentToolCall]) {
    await client.workflows.put(id, { name, blocks });
  }
});

afterAll(async () => {
  await stack?.stop();
  await model?.stop();
});

async function start(
  { id }: DeclaredWorkflow,
  inputs: Readonly<Record<string, Json>> = {},
): Promise<Run> {
  return await client.runs.start({ workflow_id: id, json_inputs: inputs });
}

async function snapshotOf({ newest_version_id: id }: Review): Promise<JsonObject> {
  return (await client.reviews.versions.get(id)).snapshot;
}

async function endOf(run: Run): Promise<string> {
  return (await client.runs.waitFor(run.id)).lifecycle.status;
}

describe('command-approval', () => {
  let dana: Client;
  let omar: Client;

  beforeAll(async () => {
    dana = await asPerson(stack, 'dana', { name: 'Dana', groups: ['dba'] });
    omar = await asPerson(stack, 'omar', { name: 'Omar', groups: ['owners'] });
  });

  async function ask(statement: string): Promise<{ readonly run: Run; readonly review: Review }> {
    await openShop(SHOP);
    const run = await start(commandApproval, { run_sql: { statement, why: 'a test' } });
    return { run, review: await waitingReview(client, { run_id: run.id, block_id: 'run_sql' }) };
  }

  test(
    'the demo shows that nothing runs before the release, and then only what was approved',
    async () => {
      const printed = await stack.demo('command-approval');
      expect(printed.split('\n').filter((line) => line.startsWith('accounts'))).toEqual([
        'accounts   1, 2, 3, 4, 5, 6',
        'accounts   1, 3, 5, 6',
      ]);
      expect(printed).toContain('reported   {"text":"DELETE: 2 rows"}');
    },
    DEMO_MS,
  );

  test('runs what both groups approved, and hands on its rows', async () => {
    const { run, review } = await ask('select id, email from accounts where paying order by id');
    await dana.reviews.approve(review.id, review.newest_version_id);
    await omar.reviews.approve(review.id, review.newest_version_id);
    await client.reviews.release(review.id);
    expect(await endOf(run)).toBe('completed');
    expect(await outputOf(client, run.id, 'run_sql')).toEqual({
      command: 'SELECT',
      row_count: 3,
      rows: [
        { id: '1', email: 'ada@example.com' },
        { id: '3', email: 'cem@example.com' },
        { id: '6', email: 'fay@example.com' },
      ],
    });
    expect(await outputOf(client, run.id, 'report')).toEqual({ text: 'SELECT: 3 rows' });
  });

  test('an approval of the text before its correction does not count for the corrected one', async () => {
    const { run, review } = await ask('delete from accounts');
    const seed = review.newest_version_id;
    await dana.reviews.approve(review.id, seed);
    const { id: corrected } = await omar.reviews.versions.create({
      review_id: review.id,
      parent_id: seed,
      snapshot: { ...(await snapshotOf(review)), statement: 'delete from accounts where id = 2' },
    });
    await omar.reviews.approve(review.id, corrected);
    expect((await client.reviews.get(review.id)).status).toBe('PENDING');
    await expect(client.reviews.release(review.id)).rejects.toMatchObject({ status: 409 });
    expect(await accountIds(SHOP)).toEqual([1, 2, 3, 4, 5, 6]);
    await dana.reviews.approve(review.id, corrected);
    await client.reviews.release(review.id);
    expect(await endOf(run)).toBe('completed');
    expect(await accountIds(SHOP)).toEqual([1, 3, 4, 5, 6]);
  });

  test('what one group rejected never runs', async () => {
    const { run, review } = await ask('delete from accounts');
    await dana.reviews.approve(review.id, review.newest_version_id);
    await omar.reviews.reject(review.id, review.newest_version_id, 'That is all of them.');
    expect(await endOf(run)).toBe('cancelled');
    expect(await accountIds(SHOP)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test('a second statement behind the first is refused, and neither runs', async () => {
    const { run, review } = await ask('delete from accounts where id = 1; delete from accounts');
    await dana.reviews.approve(review.id, review.newest_version_id);
    await omar.reviews.approve(review.id, review.newest_version_id);
    await client.reviews.release(review.id);
    expect(await endOf(run)).toBe('error');
    expect(await accountIds(SHOP)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  afterAll(async () => {
    const server = new Server({ connectionString: inject('postgresUrl') });
    await server.connect();
    await server.query(`drop database if exists ${new URL(SHOP).pathname.slice(1)} with (force)`);
    await server.end();
  });
});

describe('document-split', () => {
  test('its pile is what make-bundle.ts makes', async () => {
    const file = new URL('../../examples/document-split/bundle.pdf', import.meta.url);
    expect(makeBundle().equals(await readFile(file))).toBe(true);
  });

  test(
    'the demo moves a page, drops an invoice, and lists exactly the approved ones',
    async () => {
      const printed = await stack.demo('document-split');
      expect(printed).toContain(
        'found      [{"name":"BK-311","pages":[1,2]},{"name":"LS-2041","pages":[3,4]},{"name":"MD-0098","pages":[5]}]',
      );
      const booked: unknown = JSON.parse(/^booked +(\{[^]*)$/m.exec(printed)?.[1] ?? 'null');
      const booking: unknown = expect.stringMatching(/^bkg_[0-9a-f]{12}$/);
      expect(booked).toEqual({
        booked: [
          { booking, number: 'BK-311', order: null, total: 129.9 },
          { booking, number: 'MD-0098', order: 'PO-2026-77', total: 1460 },
        ],
      });
    },
    DEMO_MS,
  );

  test('an uncorrected split reads what its pages say, and a corrected reading is what is booked', async () => {
    const run = await start(documentSplit);
    const split = await waitingReview(client, { run_id: run.id, block_id: 'split' });
    await client.reviews.approve(split.id, split.newest_version_id);
    const at = { run_id: run.id, block_id: 'read' };
    const reviews = await waitingReviews(client, at, 2);
    const read = await Promise.all(reviews.map((review) => snapshotOf(review)));
    expect(read).toEqual(
      expect.arrayContaining([
        { number: 'LS-2041', vendor: 'Lindqvist Stationery', order: 'PO-2026-64', total: 812 },
        { number: 'MD-0098', vendor: 'Meubels De Dijk', order: null, total: 1460 },
      ]),
    );
    for (const [index, review] of reviews.entries()) {
      const { id } = await client.reviews.versions.create({
        review_id: review.id,
        parent_id: review.newest_version_id,
        snapshot: { ...read[index], order: 'PO-1' },
      });
      await client.reviews.approve(review.id, id);
    }
    expect(await endOf(run)).toBe('completed');
    expect(await outputOf(client, run.id, 'list')).toMatchObject({
      booked: [
        { number: 'BK-311', order: null },
        { number: 'LS-2041', order: 'PO-1' },
        { number: 'MD-0098', order: 'PO-1' },
      ],
    });
  });
});

describe('agent-tool-call', () => {
  /** The lines that the refund tool has written for a run. */
  async function refundsOf(run: Run): Promise<readonly string[]> {
    const written = await readFile(refundsFile(stack.home), 'utf8').catch(() => '');
    return written.split('\n').filter((line) => line.startsWith(run.id));
  }

  /** The last message of the last request that the model was sent. */
  function toldLast(): unknown {
    const content = model.asked.at(-1)?.body.messages.at(-1)?.content ?? 'null';
    return JSON.parse(content);
  }

  async function propose(): Promise<{ readonly run: Run; readonly review: Review }> {
    const run = await start(agentToolCall, { request: { text: 'My grinder is broken.' } });
    return { run, review: await waitingReview(client, { run_id: run.id, block_id: 'approved' }) };
  }

  test(
    'the demo runs the call as a person edited it, and the model hears that',
    async () => {
      const printed = await stack.demo('agent-tool-call');
      expect(printed).toMatch(/^proposed .*"amount":129/m);
      expect(printed).toMatch(/^executed .*"refunded":30/m);
      expect(printed).toMatch(/^replied .*paid money back/m);
      expect(toldLast()).toMatchObject({
        called: { tool: 'refund_order', arguments: { order: 'o-1003', amount: 30 } },
        result: { refunded: 30 },
      });
    },
    DEMO_MS,
  );

  test('nothing is called before the approval, and then once, as it was proposed', async () => {
    const sam = await asPerson(stack, 'sam', { name: 'Sam', groups: ['support-leads'] });
    const { run, review } = await propose();
    expect(model.asked.at(-1)).toMatchObject({
      authorization: 'Bearer key-of-the-test',
      body: { model: 'model-of-the-test', tools: [expect.anything(), expect.anything()] },
    });
    expect(await refundsOf(run)).toEqual([]);
    await sam.reviews.approve(review.id, review.newest_version_id);
    expect(await endOf(run)).toBe('completed');
    expect(await refundsOf(run)).toEqual([`${run.id}_execute o-1003 129.00`]);
  });

  test('a refused call is not called, and the model is told so', async () => {
    const sam = await asPerson(stack, 'sam', { name: 'Sam', groups: ['support-leads'] });
    const { run, review } = await propose();
    await sam.reviews.reject(review.id, review.newest_version_id, 'It was used for a year.');
    expect(await endOf(run)).toBe('completed');
    expect(await refundsOf(run)).toEqual([]);
    expect(toldLast()).toEqual({ refused: 'A person refused this call. Nothing was done.' });
    expect(JSON.stringify(await outputOf(client, run.id, 'reply'))).toContain('cannot refund');
  });

  test('arguments that no tool takes end the run, and nothing is paid', async () => {
    const sam = await asPerson(stack, 'sam', { name: 'Sam', groups: ['support-leads'] });
    const { run, review } = await propose();
    const { id } = await sam.reviews.versions.create({
      review_id: review.id,
      parent_id: review.newest_version_id,
      snapshot: { ...(await snapshotOf(review)), arguments: { order: 'o-1003', amount: -1 } },
    });
    await sam.reviews.approve(review.id, id);
    expect(await endOf(run)).toBe('error');
    expect(await refundsOf(run)).toEqual([]);
  });
});
