import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createApp } from '../../src/api/app.js';
import { RunTurns } from '../../src/api/run-turns.js';
import { type ChangeHub, createChangeHub } from '../../src/api/change-hub.js';
import { createReadiness } from '../../src/api/readiness.js';
import type { Gate } from '../../src/domain/definition.js';
import { isJsonObject, type JsonObject } from '../../src/domain/json.js';
import type { Role } from '../../src/domain/people.js';
import { SYSTEM } from '../../src/store/actors.js';
import { followChanges } from '../../src/store/change-feed.js';
import { inTransaction } from '../../src/store/database.js';
import { endAsUnknown } from '../../src/store/ledger.js';
import { putPerson } from '../../src/store/people.js';
import { lockRun } from '../../src/store/runs.js';
import { lockStep } from '../../src/store/steps.js';
import type { ReviewRow, RunRow } from '../../src/store/tables.js';
import { createToken } from '../../src/store/tokens.js';
import { textAt } from '../support/api.js';
import { asTimeWindow, refusal, windowAround } from '../support/hoop.js';
import { block, gate, type Installation, startInstallation } from '../support/installation.js';
import { until } from '../support/until.js';

type Caller = { readonly id: string; readonly token: string };
type Reply = { readonly status: number; readonly body: unknown };

/** An API over an installation's store, whose requests to execute wait as long as a test wants. */
type Door = {
  readonly url: string;
  readonly hub: ChangeHub;
  readonly waiting: () => number;
  stop(): Promise<void>;
};

let on: Installation;
let door: Door;
let hasty: Door;
let jane: Caller;
let ann: Caller;
let auditor: Caller;
let admin: Caller;

const executed: string[] = [];
/** Runs whose block answers only once it is told to. */
const held = new Map<string, () => void>();

beforeAll(async () => {
  on = await startInstallation({
    drop_table: async ({ input }, { runId, stepId }) => {
      executed.push(stepId);
      const order = isJsonObject(input) ? input : {};
      if (order['hold'] === true) {
        await new Promise<void>((resolve) => held.set(runId, resolve));
      }
      if (order['fail'] === true) {
        throw new Error('no such table');
      }
      const { text } = order;
      return text === undefined ? { dropped: true } : { text };
    },
  });
  door = await openDoor(30_000);
  hasty = await openDoor(100);
  jane = await person('u_jane');
  ann = await person('u_ann', ['sre']);
  auditor = await person('u_auditor', [], ['auditor']);
  admin = await person('u_admin', [], ['admin']);
});
afterAll(async () => {
  for (const release of held.values()) {
    release();
  }
  await hasty.stop();
  await door.stop();
  await on.stop();
});

async function openDoor(execWaitMs: number, hearsOfChanges = true): Promise<Door> {
  const { db } = on.database;
  const changes = createChangeHub((tell) =>
    hearsOfChanges ? followChanges(db, tell) : async () => {},
  );
  let waiting = 0;
  const hub: ChangeHub = {
    ...changes,
    subscribe: (listener) => {
      waiting += 1;
      const unsubscribe = changes.subscribe(listener);
      return () => {
        waiting -= 1;
        unsubscribe();
      };
    },
  };
  const logger = pino({ level: 'silent' });
  const app = createApp({
    db,
    reads: db,
    turns: new RunTurns(db),
    // What is owed is left to the installation's sender.
    forward: async () => new Set(),
    forwardLeaseMs: 0,
    temporalState: () => ({ reachable: true, since: null }),
    readiness: createReadiness({ db, probe: db }, logger),
    diagnose: async () => ({ findings: [], isComplete: true }),
    changes: hub,
    execWaitMs,
    logger,
    version: '0.0.0-test',
    temporalUiUrl: null,
    temporalUrlOf: () => null,
    publicUrl: null,
    webFolder: null,
    oidc: null,
  });
  const server: Server = createServer(app);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    hub,
    waiting: () => waiting,
    stop: async () => {
      await hub.end();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function person(
  id: string,
  groups: readonly string[] = [],
  roles: readonly Role[] = ['reviewer'],
): Promise<Caller> {
  const { db } = on.database;
  const about = { id, name: `Name of ${id}`, email: `${id}@example.com`, slackId: '' };
  await putPerson(db, SYSTEM, { ...about, groups, roles });
  return { id, token: (await createToken(db, SYSTEM, { personId: id })).secret };
}

async function send(
  method: string,
  path: string,
  as: Caller,
  body?: unknown,
  at: Door = door,
): Promise<Reply> {
  const response = await fetch(at.url + path, {
    method,
    headers: {
      authorization: `Bearer ${as.token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json() };
}

const exec = (id: string, as: Caller = jane, at: Door = door): Promise<Reply> =>
  send('POST', `/api/sessions/${id}/exec`, as, undefined, at);

type Waiting = { readonly run: RunRow; readonly review: ReviewRow };

/** A run of Jane's whose one block waits at its gate. */
async function waiting(about: Partial<Gate> = {}, input: JsonObject = {}): Promise<Waiting> {
  const run = await on.run(
    [
      block('drop_table', {
        executor: { kind: 'function', name: 'drop_table' },
        execution: { repeatable: false, attempts: 1, timeout: '60s' },
        review: gate({
          placement: 'input',
          groups: [{ group: 'sre', required: 1 }],
          release: 'manual',
          corrections: 'none',
          ...about,
        }),
      }),
    ],
    { drop_table: input },
    'u_jane',
  );
  return { run, review: await on.reviewOf(run, 'drop_table') };
}

async function approved(
  about: Partial<Gate> = {},
  input: JsonObject = {},
  body: object = {},
): Promise<Waiting> {
  const { run, review } = await waiting(about, input);
  const reply = await send('PUT', `/api/reviews/${review.id}`, ann, {
    status: 'APPROVED',
    ...body,
  });
  expect(reply.body).toMatchObject({ status: 'APPROVED' });
  return { run, review };
}

const timesExecuted = ({ stepId }: ReviewRow): number =>
  executed.filter((id) => id === stepId).length;

const statusNow = async ({ run }: Waiting): Promise<string> =>
  (await on.reviewOf(run, 'drop_table')).status;

const someNumber: unknown = expect.any(Number);
const RUNNING = {
  has_review: false,
  output: '',
  output_status: 'running',
  truncated: false,
  execution_time: 0,
  exit_code: -2,
  ai_analysis: null,
};
const NOT_RELEASABLE = refusal(403, 'review not approved or already executed');

describe('exec', () => {
  test.each(['id', 'stepId', 'runId'] as const)(
    'executes what was approved, by its %s',
    async (name) => {
      const { review } = await approved();
      expect(timesExecuted(review)).toBe(0);
      const reply = await exec(review[name]);
      expect(reply).toEqual({
        status: 200,
        body: {
          has_review: false,
          session_id: review.stepId,
          output: '{"dropped":true}',
          output_status: 'success',
          truncated: false,
          execution_time: someNumber,
          exit_code: 0,
          ai_analysis: null,
        },
      });
      expect(timesExecuted(review)).toBe(1);
      expect(await exec(review.stepId)).toEqual(NOT_RELEASABLE);
      expect((await send('GET', `/api/sessions/${review.stepId}`, jane)).body).toMatchObject({
        status: 'done',
        exit_code: 0,
        review: { status: 'EXECUTED' },
      });
    },
  );

  test('of a block that failed with an answer: failed, exit code 1', async () => {
    const { review } = await approved({}, { fail: true });
    const { status, body } = await exec(review.stepId);
    expect(status).toBe(200);
    expect(body).toMatchObject({ output_status: 'failed', exit_code: 1 });
    expect(textAt(body, 'output')).toContain('no such table');
    expect((await send('GET', `/api/sessions/${review.stepId}`, jane)).body).toMatchObject({
      exit_code: 1,
      review: { status: 'EXECUTED' },
    });
  });

  test.each([
    ['an admin', () => admin],
    ['an auditor', () => auditor],
  ])('%s may', async (_case, who) => {
    const { review } = await approved();
    expect((await exec(review.stepId, who())).status).toBe(200);
  });

  test('somebody who is not owner, admin or auditor → 403', async () => {
    const { review } = await waiting();
    const notAllowed = refusal(403, 'unable to execute session');
    // Who asks comes before what the review is at.
    expect(await exec(review.stepId, ann)).toEqual(notAllowed);
    await send('PUT', `/api/reviews/${review.id}`, ann, { status: 'APPROVED' });
    expect(await exec(review.stepId, ann)).toEqual(notAllowed);
    const { secret } = await createToken(on.database.db, SYSTEM, {
      service: 'svc_admin',
      scopes: ['admin'],
    });
    expect(await exec(review.stepId, { id: 'svc_admin', token: secret })).toEqual(notAllowed);
    expect(timesExecuted(review)).toBe(0);
  });

  test.each(['PENDING', 'REJECTED', 'REVOKED'])('while %s → 403', async (status) => {
    const { review } = status === 'REVOKED' ? await approved() : await waiting();
    if (status !== 'PENDING') {
      await send('PUT', `/api/reviews/${review.id}`, admin, { status });
    }
    expect(await exec(review.stepId)).toEqual(NOT_RELEASABLE);
    expect(timesExecuted(review)).toBe(0);
  });

  test('twenty at once: exactly one execution', async () => {
    const { review } = await approved();
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, index) => exec(review.stepId, index % 2 === 0 ? jane : admin)),
    );
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1);
    for (const reply of replies.filter(({ status }) => status !== 200)) {
      expect([
        refusal(409, `the session ${review.stepId} is already being processed`),
        NOT_RELEASABLE,
      ]).toContainEqual(reply);
    }
    expect(timesExecuted(review)).toBe(1);
  });

  test('what takes longer → 202 and it goes on; 409 while PROCESSING, 403 afterwards', async () => {
    const one = await approved({}, { hold: true });
    const { stepId, runId } = one.review;
    expect(await exec(stepId, jane, hasty)).toEqual({
      status: 202,
      body: { ...RUNNING, session_id: stepId },
    });
    const release = await until('the execution', () => held.get(runId));
    expect(await statusNow(one)).toBe('PROCESSING');
    expect(await exec(stepId)).toEqual(
      refusal(409, `the session ${stepId} is already being processed`),
    );
    release();
    expect(await on.ended(one.run)).toMatchObject({ status: 'completed' });
    expect(await exec(stepId)).toEqual(NOT_RELEASABLE);
    expect(timesExecuted(one.review)).toBe(1);
  });

  test('a long result is cut, never within a character', async () => {
    // The text begins after {"text":" so that the limit falls between two halves.
    const text = `${'x'.repeat(1_000_000 - '{"text":"'.length - 1)}😀 and more`;
    const { review } = await approved({}, { text });
    const { body } = await exec(review.stepId);
    const output = textAt(body, 'output');
    expect(body).toMatchObject({ truncated: true });
    expect(output).toHaveLength(999_999);
    expect(output.endsWith('xx')).toBe(true);
  });
});

describe('what is released without being asked', () => {
  test('is waited for: nothing is recorded, and the answer is its outcome', async () => {
    const one = await approved({ release: { after: '1s' } });
    const { status, body } = await exec(one.review.stepId);
    expect({ status, body }).toMatchObject({ status: 200, body: { exit_code: 0 } });
    expect(timesExecuted(one.review)).toBe(1);
    expect(await on.reviewOf(one.run, 'drop_table')).toMatchObject({ status: 'EXECUTED', seq: 1 });
  });

  test('a gate on a block’s output has nothing to execute, and shows EXECUTED once it was released', async () => {
    const run = await on.run(
      [block('extract', { review: gate({ release: { after: '1s' } }) })],
      { extract: { total: 5 } },
      'u_jane',
    );
    const review = await on.reviewOf(run, 'extract');
    await send('PUT', `/api/reviews/${review.id}`, ann, { status: 'APPROVED' });
    expect(await exec(review.stepId)).toMatchObject({
      status: 200,
      body: { output: '{"total":5}', output_status: 'success', exit_code: 0 },
    });
    expect((await on.reviewOf(run, 'extract')).status).toBe('EXECUTED');
  });
});

describe('the time window', () => {
  test('exec outside the window → 403, whoever asks', async () => {
    const closed = windowAround(120, 180);
    const { run, review } = await approved({}, {}, { time_window: asTimeWindow(closed) });
    const outside = refusal(
      403,
      `execution not allowed outside the time window ${closed.start} to ${closed.end} UTC`,
    );
    for (const who of [jane, admin, auditor]) {
      expect(await exec(review.stepId, who)).toEqual(outside);
    }
    expect(await exec(review.stepId, ann)).toEqual(refusal(403, 'unable to execute session'));
    expect(timesExecuted(review)).toBe(0);
    expect((await on.reviewOf(run, 'drop_table')).seq).toBe(1);
  });

  test('exec within the window', async () => {
    const window = asTimeWindow(windowAround(-60, 60));
    const { review } = await approved({}, {}, { time_window: window });
    expect((await exec(review.stepId)).status).toBe(200);
  });

  test('is enforced where it is released without being asked, too', async () => {
    const closed = windowAround(120, 180);
    const { review } = await approved(
      { release: 'auto' },
      {},
      { time_window: asTimeWindow(closed) },
    );
    expect(await exec(review.stepId)).toEqual(
      refusal(
        403,
        `execution not allowed outside the time window ${closed.start} to ${closed.end} UTC`,
      ),
    );
    expect(timesExecuted(review)).toBe(0);
  });
});

describe('while it waits', () => {
  test('no connection to PostgreSQL is held: more may wait than there are connections', async () => {
    const ones = await Promise.all(Array.from({ length: 30 }, () => approved({}, { hold: true })));
    const replies = ones.map(({ review }) => exec(review.stepId));
    for (const { review } of ones) {
      const release = await until('the execution', () => held.get(review.runId));
      expect((await send('GET', `/api/reviews/${review.id}`, jane)).status).toBe(200);
      release();
    }
    expect((await Promise.all(replies)).map(({ status }) => status)).toEqual(ones.map(() => 200));
  }, 90_000);

  test('who goes away is not waited for, and the execution goes on', async () => {
    const { run, review } = await approved({}, { hold: true });
    const before = door.waiting();
    const leaving = new AbortController();
    const gone = fetch(`${door.url}/api/sessions/${review.stepId}/exec`, {
      method: 'POST',
      headers: { authorization: `Bearer ${jane.token}` },
      signal: leaving.signal,
    });
    const release = await until('the execution', () => held.get(review.runId));
    await until('somebody to wait', () => door.waiting() > before);
    leaving.abort();
    await expect(gone).rejects.toThrow();
    await until('nobody to wait', () => door.waiting() === before);
    release();
    expect(await on.ended(run)).toMatchObject({ status: 'completed' });
    expect(timesExecuted(review)).toBe(1);
  });

  test('withdrawn before anything was executed → 403', async () => {
    const one = await approved({ release: { after: '1h' } });
    const before = door.waiting();
    const reply = exec(one.review.stepId);
    await until('somebody to wait', () => door.waiting() > before);
    await send('PUT', `/api/reviews/${one.review.id}`, jane, { status: 'REVOKED' });
    expect(await reply).toEqual(NOT_RELEASABLE);
    expect(timesExecuted(one.review)).toBe(0);
  });

  test('a process that ends answers that it goes on', async () => {
    const { review } = await approved({}, { hold: true });
    const ending = await openDoor(30_000);
    const reply = exec(review.stepId, jane, ending);
    const release = await until('the execution', () => held.get(review.runId));
    await until('somebody to wait', () => ending.waiting() > 0);
    await ending.hub.end();
    expect((await reply).status).toBe(202);
    release();
    await ending.stop();
  });

  test('the outcome is found although nobody tells of it', async () => {
    const { review } = await approved({}, { hold: true });
    const deaf = await openDoor(30_000, false);
    const reply = exec(review.stepId, jane, deaf);
    (await until('the execution', () => held.get(review.runId)))();
    expect((await reply).status).toBe(200);
    await deaf.stop();
  });

  test('an outcome that cannot be known: exit code -2', async () => {
    const { review } = await approved({}, { hold: true });
    const reply = exec(review.stepId);
    const release = await until('the execution', () => held.get(review.runId));
    const { db } = on.database;
    await inTransaction(db, async (tx) => {
      await lockRun(tx, review.runId);
      await endAsUnknown(tx, await lockStep(tx, review.stepId), review);
    });
    expect(await reply).toMatchObject({
      status: 200,
      body: { output_status: 'failed', exit_code: -2 },
    });
    release();
    expect((await send('GET', `/api/sessions/${review.stepId}`, jane)).body).toMatchObject({
      status: 'done',
      exit_code: -2,
      review: { status: 'UNKNOWN' },
    });
  });
});
