import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Block, BlockResult } from '../../src/domain/definition.js';
import type { JsonObject } from '../../src/domain/json.js';
import type { Caller } from '../../src/domain/ledger.js';
import { RUN_STATUSES, type RunStatus, type StepStatus } from '../../src/domain/statuses.js';
import { INSTANTLY } from '../../src/activities/run-block.js';
import { addVersion } from '../../src/store/add-version.js';
import { inTransaction } from '../../src/store/database.js';
import { checkGate, openInputReview, openReview, takeStep } from '../../src/store/gates.js';
import {
  type Beginning,
  beginStep,
  completeStep,
  failAttempt,
  failStep,
  finishStep,
  stampAlive,
  takeBackAttempt,
} from '../../src/store/ledger.js';
import { leaseDueMessages, resumeOf, settleMessage } from '../../src/store/outbox.js';
import { findReviewOfStep } from '../../src/store/reviews.js';
import { getRun } from '../../src/store/runs.js';
import { stepIdOf } from '../../src/domain/step-ids.js';
import { readEffectiveOutput } from '../../src/store/steps.js';
import type { AuditRow, OutboxRow, StepRow } from '../../src/store/tables.js';
import { gateOf, loopOf, runOf } from '../support/callers.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import {
  aBlock,
  aGate,
  aParkedGate,
  aRun,
  aRunningRun,
  check,
  firingWith,
  park,
  type ParkedGate,
  person,
  reviewNow,
  SNAPSHOT,
  vote,
  anApprovedInput,
  loseAttempt,
} from '../support/parked.js';
import { expectConsistent } from './consistency.js';

const A_TIME: unknown = expect.any(Date);

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const REPEATABLE = { repeatable: true, attempts: 3, timeout: '30s' };
const ONCE = { repeatable: false, attempts: 1, timeout: '30s' };
const RESULT: BlockResult = { output: { done: true }, consensus: null, source: null };

/** The step of the only block of a run that has begun. */
async function aStep(
  about: Partial<Block> = {},
  inputs: JsonObject = {},
): Promise<{ readonly runId: string; readonly stepId: string }> {
  const run = await aRunningRun(database.db, [aBlock('only', about)], { inputs });
  return { runId: run.id, stepId: stepIdOf(run.id, 'only') };
}

/** An approved and released gate on a block's input: the block may be executed now. */
async function aReleasedInput(about: Partial<Block> = {}): Promise<ParkedGate> {
  const { db } = database;
  const gate = await aParkedGate(db, { placement: 'input' }, { block: about });
  await vote(db, gate, person('u_ann'));
  expect(await check(db, gate)).toEqual({ kind: 'execute' });
  return gate;
}

async function stepOf(stepId: string): Promise<StepRow> {
  return await database.db
    .selectFrom('step')
    .selectAll()
    .where('id', '=', stepId)
    .executeTakeFirstOrThrow();
}

async function setRunStatus(runId: string, status: RunStatus): Promise<void> {
  await database.db.updateTable('run').set({ status }).where('id', '=', runId).execute();
}

async function auditOfRun(runId: string, action: string): Promise<readonly AuditRow[]> {
  return await database.db
    .selectFrom('audit')
    .selectAll()
    .where('runId', '=', runId)
    .where('action', '=', action)
    .orderBy('id')
    .execute();
}

async function cancelsOwed(runId: string): Promise<readonly OutboxRow[]> {
  return await database.db
    .selectFrom('outbox')
    .selectAll()
    .where('runId', '=', runId)
    .where('kind', '=', 'cancel')
    .orderBy('id')
    .execute();
}

/** Enters a result and completes the step with it. */
async function finish(
  stepId: string,
  attemptToken: string,
  result: BlockResult = RESULT,
): Promise<'completed' | 'late' | 'stopped'> {
  return await finishStep(database.db, { stepId, attemptToken, result }, async (tx, now) => {
    await completeStep(tx, now.run, now.step, null);
    return 'completed' as const;
  });
}

function said(beginning: Beginning): string {
  switch (beginning.kind) {
    case 'begin':
      return `begin ${beginning.attempt}`;
    case 'ended':
      return beginning.end;
    case 'blocked':
      return `blocked by ${beginning.by.join(', ')}`;
    case 'busy':
    case 'waiting':
    case 'not_theirs':
    case 'instant':
      return beginning.kind;
  }
}

describe('beginStep', () => {
  test('enters the attempt, its token and the time, and gives the block what it needs', async () => {
    const { db } = database;
    const { stepId } = await aStep({}, { only: { file: 'a.pdf' } });
    const beginning = await beginStep(db, stepId, runOf(stepId), 'first');
    expect(beginning).toMatchObject({
      kind: 'begin',
      attempt: 1,
      input: { input: { file: 'a.pdf' }, blocks: {} },
      context: { block: { id: 'only' }, step: { id: stepId } },
    });
    expect(await stepOf(stepId)).toMatchObject({
      status: 'running',
      attempt: 1,
      attemptToken: 'first',
      startedAt: A_TIME,
      endedAt: null,
    });
  });

  test('begins a repeatable block again after it was lost, and keeps the time of its first attempt', async () => {
    const { db } = database;
    const { stepId } = await aStep({ execution: REPEATABLE });
    await beginStep(db, stepId, runOf(stepId), 'first');
    const { startedAt } = await stepOf(stepId);
    // Attempts that were lost with their worker are not failures, however many there are.
    for (let attempt = 2; attempt <= 5; attempt += 1) {
      expect(said(await beginStep(db, stepId, runOf(stepId), `t${attempt}`))).toBe(
        `begin ${attempt}`,
      );
    }
    expect(await stepOf(stepId)).toMatchObject({ attempt: 5, attemptToken: 't5', failures: 0 });
    expect((await stepOf(stepId)).startedAt).toEqual(startedAt);
  });

  test('never begins a block twice that must not be repeated: once its attempt is lost, nobody can know what it did', async () => {
    const { db } = database;
    const { runId, stepId } = await aStep({ execution: ONCE });
    expect(said(await beginStep(db, stepId, runOf(stepId), 'first'))).toBe('begin 1');
    await loseAttempt(database.db, stepId);
    for (const token of ['second', 'third']) {
      expect(said(await beginStep(db, stepId, runOf(stepId), token))).toBe('unknown');
    }
    expect(await stepOf(stepId)).toMatchObject({
      status: 'error',
      outcomeUnknown: true,
      attempt: 1,
      attemptToken: 'first',
      errorMessage:
        'The block was being executed when its worker was lost, and it must not be repeated: find out what it did, then settle the step (countersign step settle) and retry the run.',
      endedAt: A_TIME,
    });
    expect(await auditOfRun(runId, 'outcome_unknown')).toMatchObject([
      { actorId: 'countersign', detail: { step_id: stepId } },
    ]);
  });

  test('waits for an attempt that must not be repeated for as long as it says that it is alive', async () => {
    const { db } = database;
    const { stepId } = await aStep({ execution: ONCE });
    await beginStep(db, stepId, runOf(stepId), 'first');
    const begun = await stepOf(stepId);
    expect(said(await beginStep(db, stepId, runOf(stepId), 'second'))).toBe('busy');
    expect(await stepOf(stepId)).toEqual(begun);

    await loseAttempt(database.db, stepId);
    await stampAlive(db, stepId, 'first');
    expect(said(await beginStep(db, stepId, runOf(stepId), 'second'))).toBe('busy');
    expect(await finish(stepId, 'first')).toBe('completed');
    expect(said(await beginStep(db, stepId, runOf(stepId), 'second'))).toBe('completed');
  });

  test('takes no word for it from an attempt that was overtaken', async () => {
    const { db } = database;
    const { stepId } = await aStep({ execution: ONCE });
    await beginStep(db, stepId, runOf(stepId), 'first');
    await loseAttempt(database.db, stepId);
    await stampAlive(db, stepId, 'another');
    expect(said(await beginStep(db, stepId, runOf(stepId), 'second'))).toBe('unknown');
  });

  test.each([
    ['repeatable', REPEATABLE],
    ['not repeatable', ONCE],
  ])(
    'asked again by the same attempt of a block that is %s gives the same answer',
    async (_, execution) => {
      const { db } = database;
      const { stepId } = await aStep({ execution });
      const first = await beginStep(db, stepId, runOf(stepId), 'first');
      const begun = await stepOf(stepId);
      expect(said(await beginStep(db, stepId, runOf(stepId), 'first'))).toBe(said(first));
      expect(await stepOf(stepId)).toEqual({ ...begun, aliveAt: A_TIME });
    },
  );

  test.each([
    ['repeatable', REPEATABLE, 20],
    ['not repeatable', ONCE, 1],
  ])(
    'asked by twenty at once for a block that is %s lets each attempt begin once',
    async (_, execution, begun) => {
      const { db } = database;
      const { stepId } = await aStep({ execution });
      const words = await Promise.all(
        Array.from({ length: 20 }, async (_, n) =>
          said(await beginStep(db, stepId, runOf(stepId), `t${n}`)),
        ),
      );
      expect(words.filter((word) => word.startsWith('begin')).toSorted()).toEqual(
        Array.from({ length: begun }, (_, n) => `begin ${n + 1}`).toSorted(),
      );
      expect(words.filter((word) => word === 'busy')).toHaveLength(20 - begun);
    },
  );

  test.each<[string, (stepId: string) => Promise<unknown>, string]>([
    ['completed', (stepId) => finish(stepId, 'first'), 'completed'],
    [
      'failed',
      (stepId) => failAttempt(database.db, stepId, 'first', 'no such table', false),
      'failed',
    ],
    [
      'ended as unknown',
      (stepId) => failAttempt(database.db, stepId, 'first', 'silence', true),
      'unknown',
    ],
  ])('says of a step that %s what it came to, and changes nothing', async (_, end, word) => {
    const { db } = database;
    const { stepId } = await aStep({ execution: ONCE });
    await beginStep(db, stepId, runOf(stepId), 'first');
    await end(stepId);
    const ended = await stepOf(stepId);
    expect(said(await beginStep(db, stepId, runOf(stepId), 'second'))).toBe(word);
    expect(await stepOf(stepId)).toEqual(ended);
  });

  test.each<[StepStatus, string]>([
    ['skipped', 'skipped'],
    ['cancelled', 'stopped'],
  ])('says of a %s step that it %s', async (status, word) => {
    const { db } = database;
    const { stepId } = await aStep();
    await db.updateTable('step').set({ status }).where('id', '=', stepId).execute();
    expect(said(await beginStep(db, stepId, runOf(stepId), 'first'))).toBe(word);
  });

  test.each(RUN_STATUSES.filter((status) => status !== 'running' && status !== 'pending'))(
    'begins nothing in a run that is %s, but for what was released before',
    async (status) => {
      const { db } = database;
      const { runId, stepId } = await aStep();
      await setRunStatus(runId, status);
      expect(said(await beginStep(db, stepId, runOf(stepId), 'first'))).toBe('stopped');
      expect(await stepOf(stepId)).toMatchObject({ status: 'pending', attempt: 0 });

      const gate = await aParkedGate(db, { placement: 'input', release: 'manual' });
      await vote(db, gate, person('u_ann'));
      await setRunStatus(gate.run.id, status);
      expect(said(await beginStep(db, gate.stepId, gateOf(gate.stepId), 'first'))).toBe('stopped');

      const released = await aReleasedInput();
      await setRunStatus(released.run.id, status);
      const caller = gateOf(released.stepId);
      expect(said(await beginStep(db, released.stepId, caller, 'first'))).toBe('begin 1');
    },
  );

  test('makes a run that was only asked for a running one, with its first block', async () => {
    const { db } = database;
    const run = await aRun(db);
    const stepId = stepIdOf(run.id, 'only');
    expect(said(await beginStep(db, stepId, gateOf(stepId), 'first'))).toBe('not_theirs');
    expect(await getRun(db, run.id)).toMatchObject({ status: 'pending', startedAt: null });
    expect(said(await beginStep(db, stepId, runOf(stepId), 'first'))).toBe('begin 1');
    expect(await getRun(db, run.id)).toMatchObject({ status: 'running', startedAt: A_TIME });
  });

  test('of a block without a gate is for the workflow of its run only', async () => {
    const { db } = database;
    const { stepId } = await aStep();
    const strangers = [
      null,
      gateOf(stepId),
      loopOf(stepId),
      { ...runOf(stepId), workflowType: 'somebodysOwn' },
      { ...runOf(stepId), workflowId: stepId },
    ];
    for (const caller of strangers) {
      expect(said(await beginStep(db, stepId, caller, 'first'))).toBe('not_theirs');
    }
    expect(await stepOf(stepId)).toMatchObject({ status: 'pending', attempt: 0 });
  });

  test('of a gated block is for the holder only', async () => {
    const { db } = database;
    const { stepId } = await aStep({ review: aGate() });
    const [one, two] = [gateOf(stepId, 'one'), gateOf(stepId, 'two')];
    const say = async (caller: Caller): Promise<string> =>
      said(await beginStep(db, stepId, caller, 'first'));
    // It was started for this step, and has yet to take it; whoever was not has no business with it.
    expect(await say(one)).toBe('superseded');
    await takeStep(db, stepId, one);
    expect(await say(null)).toBe('not_theirs');
    expect(await say(runOf(stepId))).toBe('not_theirs');
    expect(await say(two)).toBe('superseded');
    expect(await stepOf(stepId)).toMatchObject({ status: 'pending', attempt: 0 });
    expect(await say(one)).toBe('begin 1');
  });

  test('never comes before the end of what the block needs, and names what stands in the way', async () => {
    const { db } = database;
    const run = await aRunningRun(db, [
      aBlock('a', { execution: ONCE }),
      aBlock('b', { review: aGate() }),
      aBlock('c', { needs: ['a', 'b'], review: aGate() }),
      aBlock('d', { needs: ['a', 'b'] }),
    ]);
    const [a, b, c, d] = [
      stepIdOf(run.id, 'a'),
      stepIdOf(run.id, 'b'),
      stepIdOf(run.id, 'c'),
      stepIdOf(run.id, 'd'),
    ];
    const say = async (): Promise<string> => said(await beginStep(db, d, runOf(d), 'd'));
    expect(await say()).toBe(`blocked by ${a}, ${b}`);
    expect(await takeStep(db, c, gateOf(c))).toEqual({ kind: 'blocked', by: [a, b] });
    await beginStep(db, a, runOf(a), 'a');
    expect(await say()).toBe(`blocked by ${a}, ${b}`);
    await finish(a, 'a');
    const gate = await park(db, run, 'b');
    expect(await say()).toBe(`blocked by ${b}`);
    expect(await takeStep(db, c, gateOf(c))).toEqual({ kind: 'blocked', by: [b] });
    expect(await stepOf(c)).toMatchObject({ holder: null, holderNumber: 0 });
    await vote(db, gate, person('u_ann'));
    expect(await say()).toBe('begin 1');
    expect(await takeStep(db, c, gateOf(c))).toMatchObject({ kind: 'unopened' });
  });

  test.each(['none of a vote', 'a vote that is not enough', 'an approval that is not released'])(
    'never begins behind a review of the input on %s',
    async (votes) => {
      const { db } = database;
      const gate = await aParkedGate(db, {
        placement: 'input',
        groups: [{ group: 'finance', required: 2 }],
        release: 'manual',
      });
      const people = votes.startsWith('none') ? [] : ['u_ann', 'u_bob'];
      for (const id of votes.includes('not enough') ? people.slice(1) : people) {
        await vote(db, gate, person(id, 'finance'));
      }
      const caller = gateOf(gate.stepId);
      expect(said(await beginStep(db, gate.stepId, caller, 'first'))).toBe('stopped');
      expect(await stepOf(gate.stepId)).toMatchObject({ status: 'awaiting_review', attempt: 0 });
    },
  );

  test('begins without a review only on the very input for which nobody had to be asked', async () => {
    const { db } = database;
    const gate = aGate({ placement: 'input' });
    const { stepId } = await aStep({ review: gate }, { only: { n: 1 } });
    const caller = gateOf(stepId);
    await takeStep(db, stepId, caller);
    const say = async (): Promise<string> => said(await beginStep(db, stepId, caller, 'first'));
    expect(await say()).toBe('stopped');
    const other = { input: { n: 2 }, blocks: {} };
    expect(
      await openInputReview(db, stepId, caller, gate, { input: other, firing: null }),
    ).toBeNull();
    expect(await say()).toBe('stopped');
    expect(await stepOf(stepId)).toMatchObject({ status: 'pending', attempt: 0 });
    const input = { input: { n: 1 }, blocks: {} };
    expect(await openInputReview(db, stepId, caller, gate, { input, firing: null })).toBeNull();
    expect(await say()).toBe('begin 1');
  });

  test('does not begin again what is being reviewed: who asks is to ask for the gate, and waits with it', async () => {
    const { db } = database;
    const gate = await aParkedGate(db);
    const caller = gateOf(gate.stepId);
    const before = await stepOf(gate.stepId);
    // As an attempt does that took the step before another one had opened its gate.
    expect(said(await beginStep(db, gate.stepId, caller, 'again'))).toBe('busy');
    expect(await stepOf(gate.stepId)).toEqual(before);
    expect(await takeStep(db, gate.stepId, caller)).toMatchObject({ kind: 'waiting' });
  });
});

describe('what a block is given', () => {
  test('is its own input and the effective outputs of what it needs: where one was reviewed, the approved version', async () => {
    const { db } = database;
    const blocks = [
      aBlock('plain'),
      aBlock('extract', { review: aGate() }),
      aBlock('book', { needs: ['plain', 'extract'] }),
    ];
    const run = await aRunningRun(db, blocks, { inputs: { book: 'by hand' } });
    await beginStep(db, stepIdOf(run.id, 'plain'), runOf(run.id), 'p');
    await finish(stepIdOf(run.id, 'plain'), 'p', { ...RESULT, output: [1, null] });

    const stepId = stepIdOf(run.id, 'extract');
    await takeStep(db, stepId, gateOf(stepId));
    await beginStep(db, stepId, gateOf(stepId), 'e');
    const opened = await finishStep(
      db,
      { stepId, attemptToken: 'e', result: { ...RESULT, output: SNAPSHOT } },
      (tx, context) => openReview(tx, context, aGate(), firingWith(SNAPSHOT)),
    );
    const review = await findReviewOfStep(db, stepId);
    if (typeof opened === 'string') {
      throw new Error(`the result is ${opened}`);
    }
    const added = await addVersion(db, person('u_ann'), opened.reviewId, {
      parentId: opened.newestVersionId,
      snapshot: { total: 6, vendor: null },
      note: null,
      origin: 'human_edit',
      acknowledgedVersionIds: [],
    });
    expect(added.kind).toBe('created');
    expect(await readEffectiveOutput(db, stepId)).toBeNull();
    await vote(db, { review: review ?? expect.fail('no review') }, person('u_bob'));

    expect(await readEffectiveOutput(db, stepId)).toBe('{"total":6,"vendor":null}');
    expect(await beginStep(db, stepIdOf(run.id, 'book'), runOf(run.id), 'b')).toMatchObject({
      input: {
        input: 'by hand',
        blocks: { plain: [1, null], extract: { total: 6, vendor: null } },
      },
    });
  });

  test('behind a gate on its input is what was approved, and nothing else', async () => {
    const { db } = database;
    const gate = await aParkedGate(
      db,
      { placement: 'input', corrections: 'entries' },
      { snapshot: { table: 'users' } },
    );
    await addVersion(db, person('u_ann'), gate.review.id, {
      parentId: gate.review.newestVersionId,
      snapshot: { table: 'users_old' },
      note: null,
      origin: 'human_edit',
      acknowledgedVersionIds: [],
    });
    await vote(db, gate, person('u_ann'));
    expect(await beginStep(db, gate.stepId, gateOf(gate.stepId), 'once')).toMatchObject({
      kind: 'begin',
      input: { input: { table: 'users_old' }, blocks: {} },
    });
  });
});

describe('a block that needs nothing from outside', () => {
  test('begins and ends in one transaction, and asked again it has ended', async () => {
    const { db } = database;
    const run = await aRunningRun(db, [
      aBlock('only', { executor: { kind: 'pass' } }),
      aBlock('behind', { executor: { kind: 'pass' }, needs: ['only'] }),
    ]);
    const stepId = stepIdOf(run.id, 'only');
    const begin = () => beginStep(db, stepId, runOf(stepId), 't', () => null, INSTANTLY);
    const first = await begin();
    expect(said(first)).toBe('instant');
    expect(await ('standing' in first ? first.standing : null)).toMatchObject({
      kind: 'ended',
      end: 'completed',
    });
    expect(await stepOf(stepId)).toMatchObject({ status: 'completed', attempt: 1, failures: 0 });
    expect(said(await begin())).toBe('completed');
  });

  test('opens its review with its holder, who finds it when it asks again', async () => {
    const { db } = database;
    const run = await aRunningRun(db, [aBlock('gated', { review: aGate() })], {
      inputs: { gated: { total: 1 } },
    });
    const stepId = stepIdOf(run.id, 'gated');
    const take = () => takeStep(db, stepId, gateOf(stepId), false, INSTANTLY);
    const opened = await take();
    expect(opened).toMatchObject({ kind: 'waiting', gate: { state: { status: 'PENDING' } } });
    expect(await take()).toEqual(opened);
    expect(await stepOf(stepId)).toMatchObject({ status: 'awaiting_review', attempt: 1 });
  });

  test('with a gate on its output never begins and ends by itself: a commit whose answer is lost would stop its run', async () => {
    const { db } = database;
    const pass = { kind: 'pass' } as const;
    const run = await aRunningRun(
      db,
      [
        aBlock('a', { executor: pass }),
        aBlock('b', { executor: pass }),
        aBlock('c', { executor: pass, needs: ['a', 'b'], review: aGate() }),
      ],
      { inputs: {} },
    );
    for (const id of ['a', 'b']) {
      const stepId = stepIdOf(run.id, id);
      await beginStep(db, stepId, runOf(stepId), id);
      await finish(stepId, id, { output: null, consensus: null, source: null });
    }
    const stepId = stepIdOf(run.id, 'c');
    const taking = await takeStep(db, stepId, gateOf(stepId), false, INSTANTLY);
    expect(taking).toMatchObject({ kind: 'unopened' });
    for (const again of [1, 2]) {
      const begun = await beginStep(db, stepId, gateOf(stepId), 't', () => null, INSTANTLY);
      expect(said(begun), `the ${again}. time`).toBe('begin 1');
    }
  });
});

describe('finishStep', () => {
  test('stores the canonical texts of output and consensus, and the link to the source', async () => {
    const { db } = database;
    const { stepId } = await aStep();
    await beginStep(db, stepId, runOf(stepId), 'first');
    await finish(stepId, 'first', {
      output: { b: 1, a: [null, 'é'] },
      consensus: { likelihoods: { b: 0.5, a: 1 } },
      source: 'https://files.example/a.pdf',
    });
    expect(await stepOf(stepId)).toMatchObject({
      status: 'completed',
      output: '{"a":[null,"é"],"b":1}',
      consensus: '{"likelihoods":{"a":1,"b":0.5}}',
      source: 'https://files.example/a.pdf',
      effectiveVersionId: null,
      endedAt: A_TIME,
    });
  });

  test('takes the result of the latest attempt only; an earlier one is audited as late', async () => {
    const { db } = database;
    const { runId, stepId } = await aStep({ execution: REPEATABLE });
    await beginStep(db, stepId, runOf(stepId), 'first');
    await beginStep(db, stepId, runOf(stepId), 'second');
    expect(await finish(stepId, 'first', { ...RESULT, output: 'too late' })).toBe('late');
    expect(await stepOf(stepId)).toMatchObject({ status: 'running', output: null });
    expect(await finish(stepId, 'second')).toBe('completed');
    const ended = await stepOf(stepId);
    expect(ended.output).toBe('{"done":true}');

    // Also what comes after the end, be it the same once more.
    expect(await finish(stepId, 'second', { ...RESULT, output: 'again' })).toBe('late');
    expect(await finish(stepId, 'first')).toBe('late');
    expect(await stepOf(stepId)).toEqual(ended);
    expect(await auditOfRun(runId, 'late_result')).toMatchObject([
      { detail: { step_id: stepId, status: 'running' } },
      { detail: { step_id: stepId, status: 'completed' } },
      { detail: { step_id: stepId, status: 'completed' } },
    ]);
  });

  test('does not take the result of a step that has ended as unknown meanwhile', async () => {
    const { db } = database;
    const { runId, stepId } = await aStep({ execution: ONCE });
    await beginStep(db, stepId, runOf(stepId), 'first');
    await loseAttempt(database.db, stepId);
    await beginStep(db, stepId, runOf(stepId), 'second');
    expect(await finish(stepId, 'first')).toBe('late');
    expect(await stepOf(stepId)).toMatchObject({ outcomeUnknown: true, output: null });
    expect(await auditOfRun(runId, 'late_result')).toHaveLength(1);
  });

  test('is one transaction with what follows: when that fails, nothing is stored and it can be done again', async () => {
    const { db } = database;
    const { stepId } = await aStep();
    await beginStep(db, stepId, runOf(stepId), 'first');
    const failing = finishStep(
      db,
      { stepId, attemptToken: 'first', result: RESULT },
      async (tx, now) => {
        await completeStep(tx, now.run, now.step, null);
        throw new Error('the predicate broke');
      },
    );
    await expect(failing).rejects.toThrow('the predicate broke');
    expect(await stepOf(stepId)).toMatchObject({ status: 'running', output: null, endedAt: null });
    expect(await finish(stepId, 'first')).toBe('completed');
  });

  test('takes no result in a run that is being cancelled, but for what was released', async () => {
    const { db } = database;
    const { runId, stepId } = await aStep();
    await beginStep(db, stepId, runOf(stepId), 'first');
    await setRunStatus(runId, 'cancelling');
    expect(await finish(stepId, 'first')).toBe('stopped');
    expect(await stepOf(stepId)).toMatchObject({ status: 'running', output: null });

    const gate = await aReleasedInput();
    await beginStep(db, gate.stepId, gateOf(gate.stepId), 'once');
    await setRunStatus(gate.run.id, 'cancelling');
    expect(await finish(gate.stepId, 'once')).toBe('completed');
    expect(await getRun(db, gate.run.id)).toMatchObject({ status: 'cancelling' });
  });

  test('of the last step completes the run, and of no other', async () => {
    const { db } = database;
    const run = await aRunningRun(db, [aBlock('a'), aBlock('b')]);
    const say = async (): Promise<string> => (await getRun(db, run.id)).status;
    for (const [blockId, status] of [
      ['a', 'running'],
      ['b', 'completed'],
    ] as const) {
      const stepId = stepIdOf(run.id, blockId);
      await beginStep(db, stepId, runOf(stepId), blockId);
      await finish(stepId, blockId);
      expect(await say()).toBe(status);
    }
    await expectConsistent(db, run.id);
  });

  test('of twenty at once with one token stores one result', async () => {
    const { db } = database;
    const { stepId } = await aStep();
    await beginStep(db, stepId, runOf(stepId), 'first');
    const ends = await Promise.all(
      Array.from({ length: 20 }, (_, n) => finish(stepId, 'first', { ...RESULT, output: n })),
    );
    expect(ends.filter((end) => end === 'completed')).toHaveLength(1);
    expect((await stepOf(stepId)).output).toBe(String(ends.indexOf('completed')));
  });

  test('ends the review that the block was executed for as EXECUTED', async () => {
    const { db } = database;
    const gate = await aReleasedInput();
    await beginStep(db, gate.stepId, gateOf(gate.stepId), 'once');
    expect(await reviewNow(db, gate)).toMatchObject({ status: 'PROCESSING', endedAt: null });
    await finish(gate.stepId, 'once');
    expect(await reviewNow(db, gate)).toMatchObject({
      status: 'EXECUTED',
      endedAt: A_TIME,
    });
    await expectConsistent(db, gate.run.id);
  });
});

describe('beginStep in a worker that lacks something', () => {
  const lacking = (): string => 'It waits for a worker that has more.';

  test('begins nothing, uses no attempt and says what the step waits for, until a worker has it', async () => {
    const { db } = database;
    const { stepId } = await aStep({ execution: ONCE });
    for (const token of ['t1', 't2']) {
      expect(await beginStep(db, stepId, runOf(stepId), token, lacking)).toEqual({
        kind: 'waiting',
      });
    }
    expect(await stepOf(stepId)).toMatchObject({
      status: 'pending',
      attempt: 0,
      attemptToken: null,
      startedAt: null,
      waitingFor: lacking(),
    });
    expect(said(await beginStep(db, stepId, runOf(stepId), 't3'))).toBe('begin 1');
    expect(await stepOf(stepId)).toMatchObject({ status: 'running', waitingFor: null });
  });

  test('keeps what stands in the way otherwise: an end, a cancelled run, an earlier attempt', async () => {
    const { db } = database;
    const ended = await aStep();
    await beginStep(db, ended.stepId, runOf(ended.stepId), 't');
    await finish(ended.stepId, 't');
    expect(said(await beginStep(db, ended.stepId, runOf(ended.stepId), 'again', lacking))).toBe(
      'completed',
    );
    const stopped = await anApprovedInput(db);
    await setRunStatus(stopped.run.id, 'cancelling');
    expect(said(await beginStep(db, stopped.stepId, gateOf(stopped.stepId), 't', lacking))).toBe(
      'stopped',
    );
    const begun = await aStep({ execution: ONCE });
    await beginStep(db, begun.stepId, runOf(begun.stepId), 't');
    expect(said(await beginStep(db, begun.stepId, runOf(begun.stepId), 'other', lacking))).toBe(
      'busy',
    );
  });
});

describe('failAttempt', () => {
  test('retries a repeatable block until its attempts are used up, and keeps the last message', async () => {
    const { db } = database;
    const { stepId } = await aStep({ execution: REPEATABLE });
    const words: string[] = [];
    for (const token of ['t1', 't2', 't3']) {
      await beginStep(db, stepId, runOf(stepId), token);
      words.push(await failAttempt(db, stepId, token, `no table at ${token}`, token === 't2'));
    }
    expect(words).toEqual(['retry', 'retry', 'failed']);
    expect(await stepOf(stepId)).toMatchObject({
      status: 'error',
      failures: 3,
      errorMessage: 'no table at t3',
      outcomeUnknown: false,
      endedAt: A_TIME,
    });
  });

  test('ends a block that must not be repeated at its first failure; its review was EXECUTED all the same', async () => {
    const { db } = database;
    const gate = await aReleasedInput({ execution: { ...ONCE, attempts: 5 } });
    await beginStep(db, gate.stepId, gateOf(gate.stepId), 'once');
    expect(await failAttempt(db, gate.stepId, 'once', 'no such table', false)).toBe('failed');
    expect(await stepOf(gate.stepId)).toMatchObject({
      status: 'error',
      outcomeUnknown: false,
      errorMessage: 'no such table',
    });
    expect(await reviewNow(db, gate)).toMatchObject({ status: 'EXECUTED' });
    await expectConsistent(db, gate.run.id);
  });

  test('does not say of a block that was never begun that it was EXECUTED', async () => {
    const { db } = database;
    const gate = await anApprovedInput(db, { execution: ONCE });
    await beginStep(db, gate.stepId, gateOf(gate.stepId), 'once');
    const message = 'nobody listens there';
    expect(await failAttempt(db, gate.stepId, 'once', message, false, false, false)).toBe('failed');
    expect(await reviewNow(db, gate)).toMatchObject({ status: 'PROCESSING', endedAt: null });
    // It was begun once: what came of that attempt is what people have to know.
    const tried = await anApprovedInput(db, { execution: { ...REPEATABLE, attempts: 2 } });
    await beginStep(db, tried.stepId, gateOf(tried.stepId), 't1');
    await failAttempt(db, tried.stepId, 't1', 'refused', false, false, true);
    await beginStep(db, tried.stepId, gateOf(tried.stepId), 't2');
    await failAttempt(db, tried.stepId, 't2', message, false, false, false);
    expect(await reviewNow(db, tried)).toMatchObject({ status: 'EXECUTED' });
  });

  test('makes no further attempt after a failure for good, however many are left', async () => {
    const { db } = database;
    const { stepId } = await aStep({ execution: REPEATABLE });
    await beginStep(db, stepId, runOf(stepId), 'first');
    expect(await failAttempt(db, stepId, 'first', 'no such account', false, true)).toBe('failed');
    expect(await stepOf(stepId)).toMatchObject({
      status: 'error',
      failures: 1,
      errorMessage: 'no such account',
      outcomeUnknown: false,
    });
  });

  test('of a silent block that must not be repeated ends step and review as UNKNOWN', async () => {
    const { db } = database;
    const gate = await aReleasedInput({ execution: ONCE });
    await beginStep(db, gate.stepId, gateOf(gate.stepId), 'once');
    expect(await failAttempt(db, gate.stepId, 'once', 'no answer', true)).toBe('unknown');
    expect(await stepOf(gate.stepId)).toMatchObject({
      status: 'error',
      outcomeUnknown: true,
      errorMessage: `no answer Whether it did its work cannot be known, and it must not be repeated: look for its idempotency key ${gate.stepId} where it writes, then settle the step (countersign step settle) and retry the run.`,
    });
    expect(await reviewNow(db, gate)).toMatchObject({
      status: 'UNKNOWN',
      endedAt: A_TIME,
    });
    expect(await auditOfRun(gate.run.id, 'outcome_unknown')).toMatchObject([
      { reviewId: gate.review.id },
    ]);
    await expectConsistent(db, gate.run.id);
  });

  test('does not count for an attempt that is no longer the latest', async () => {
    const { db } = database;
    const { stepId } = await aStep({ execution: REPEATABLE });
    await beginStep(db, stepId, runOf(stepId), 'first');
    await beginStep(db, stepId, runOf(stepId), 'second');
    const before = await stepOf(stepId);
    expect(await failAttempt(db, stepId, 'first', 'too late', false)).toBe('late');
    expect(await stepOf(stepId)).toEqual(before);
    await finish(stepId, 'second');
    expect(await failAttempt(db, stepId, 'second', 'after all', false)).toBe('late');
    expect(await stepOf(stepId)).toMatchObject({ status: 'completed', errorMessage: null });
  });
});

describe('stampAlive', () => {
  test.each<[StepStatus, boolean]>([
    ['running', true],
    ['awaiting_review', true],
    ['completed', true],
    ['error', true],
    ['cancelled', false],
    ['skipped', false],
  ])('says of a step that is %s whether its answer is wanted: %j', async (status, isWanted) => {
    const { db } = database;
    const { stepId } = await aStep();
    await beginStep(db, stepId, runOf(stepId), 'first');
    await db.updateTable('step').set({ status }).where('id', '=', stepId).execute();
    expect(await stampAlive(db, stepId, 'first')).toBe(isWanted);
    // An overtaken attempt, and one that has not begun yet, cannot tell.
    expect(await stampAlive(db, stepId, 'another')).toBe(true);
  });
});

describe('takeBackAttempt', () => {
  test('lets a block begin that must not be repeated, and that its attempt never called', async () => {
    const { db } = database;
    const { stepId } = await aStep({ execution: ONCE });
    await beginStep(db, stepId, runOf(stepId), 'first');
    await loseAttempt(db, stepId);
    await takeBackAttempt(db, stepId, 'first');
    expect(await stepOf(stepId)).toMatchObject({ status: 'pending', attempt: 0, aliveAt: null });
    expect(said(await beginStep(db, stepId, runOf(stepId), 'second'))).toBe('begin 1');
    await takeBackAttempt(db, stepId, 'first');
    expect(await stepOf(stepId)).toMatchObject({ status: 'running', attemptToken: 'second' });
    expect(await finish(stepId, 'second')).toBe('completed');
  });

  test('keeps what an earlier attempt may have done, and the end of what is unknown by now', async () => {
    const { db } = database;
    const again = await aStep({ execution: REPEATABLE });
    await beginStep(db, again.stepId, runOf(again.stepId), 'first');
    await beginStep(db, again.stepId, runOf(again.stepId), 'second');
    const begun = await stepOf(again.stepId);
    await takeBackAttempt(db, again.stepId, 'second');
    expect(await stepOf(again.stepId)).toEqual(begun);

    const once = await aStep({ execution: ONCE });
    await beginStep(db, once.stepId, runOf(once.stepId), 'first');
    await loseAttempt(db, once.stepId);
    await beginStep(db, once.stepId, runOf(once.stepId), 'second');
    await takeBackAttempt(db, once.stepId, 'first');
    expect(await stepOf(once.stepId)).toMatchObject({ status: 'error', outcomeUnknown: true });
  });

  test('leaves a released review to be executed', async () => {
    const { db } = database;
    const gate = await aReleasedInput({ execution: ONCE });
    await beginStep(db, gate.stepId, gateOf(gate.stepId), 'first');
    await takeBackAttempt(db, gate.stepId, 'first');
    expect((await reviewNow(db, gate)).status).toBe('PROCESSING');
    expect(said(await beginStep(db, gate.stepId, gateOf(gate.stepId), 'second'))).toBe('begin 1');
  });
});

describe('failStep', () => {
  test('ends a step that could not be begun, and leaves alone what has ended', async () => {
    const { db } = database;
    const { stepId } = await aStep();
    await failStep(db, stepId, 'give it an object');
    const failed = await stepOf(stepId);
    expect(failed).toMatchObject({ status: 'error', errorMessage: 'give it an object' });
    await failStep(db, stepId, 'something else');
    expect(await stepOf(stepId)).toEqual(failed);
  });
});

describe('takeStep', () => {
  test('makes the first who asks the holder, and says again what it said when it asks again', async () => {
    const { db } = database;
    const { runId, stepId } = await aStep({ review: aGate() });
    const caller = gateOf(stepId);
    for (const _ of [1, 2]) {
      expect(await takeStep(db, stepId, caller)).toMatchObject({ kind: 'unopened' });
      expect(await stepOf(stepId)).toMatchObject({ holder: caller.workflowId, holderNumber: 1 });
    }
    expect(await cancelsOwed(runId)).toEqual([]);
    expect(await auditOfRun(runId, 'holder_replaced')).toEqual([]);
  });

  test('gives a held step to another workflow only once Temporal has confirmed it, whatever it is called', async () => {
    const { db } = database;
    const gate = await aParkedGate(db);
    for (const name of ['another', '0', '~', 'ZZZ']) {
      expect(await takeStep(db, gate.stepId, gateOf(gate.stepId, name))).toEqual({
        kind: 'verify',
        parentWorkflowId: gate.run.id,
      });
    }
    expect(await stepOf(gate.stepId)).toMatchObject({ holder: gate.holder, holderNumber: 1 });
    expect(await cancelsOwed(gate.run.id)).toEqual([]);
  });

  test('lets a confirmed workflow take over, and owes the one before a cancel', async () => {
    const { db } = database;
    const gate = await aParkedGate(db, { groups: [{ group: 'finance', required: 2 }] });
    await vote(db, gate, person('u_ann', 'finance'));
    const next = gateOf(gate.stepId, 'next');
    for (const _ of [1, 2]) {
      expect(await takeStep(db, gate.stepId, next, true)).toMatchObject({
        kind: 'waiting',
        gate: { reviewId: gate.review.id, state: { seq: 1, status: 'PENDING' } },
      });
    }
    expect(await stepOf(gate.stepId)).toMatchObject({ holder: next.workflowId, holderNumber: 2 });
    expect(await cancelsOwed(gate.run.id)).toMatchObject([
      { workflowId: gate.holder, state: 'pending', leaseToken: null },
    ]);
    expect(await auditOfRun(gate.run.id, 'holder_replaced')).toMatchObject([
      { detail: { step_id: gate.stepId, before: gate.holder, after: next.workflowId } },
    ]);
    // The run itself is not cancelled by that.
    expect(await getRun(db, gate.run.id)).toMatchObject({ status: 'running' });
    expect(await check(db, gate)).toMatchObject({ kind: 'ended', end: 'superseded' });
    expect(await checkGate(db, gate.stepId, next)).toMatchObject({ kind: 'waiting' });
  });

  test('never gives the step back to a workflow that was replaced, confirmed or not', async () => {
    const { db } = database;
    const { stepId } = await aStep({ review: aGate() });
    const [first, second, third] = ['1', '2', '3'].map((name) => gateOf(stepId, name));
    for (const caller of [first, second, third]) {
      await takeStep(db, stepId, caller ?? null, true);
    }
    const superseded = { kind: 'ended', end: 'superseded', run: null };
    for (const caller of [first, second]) {
      for (const isConfirmed of [false, true]) {
        expect(await takeStep(db, stepId, caller ?? null, isConfirmed)).toEqual(superseded);
      }
    }
    expect(await stepOf(stepId)).toMatchObject({ holder: third?.workflowId, holderNumber: 3 });
  });

  test('is refused to whoever was not started for this step', async () => {
    const { db } = database;
    const { stepId } = await aStep({ review: aGate() });
    const strangers: readonly Caller[] = [
      null,
      runOf(stepId),
      loopOf(stepId),
      gateOf(`${stepId}2`),
      { ...gateOf(stepId), workflowId: stepId },
      { ...gateOf(stepId), workflowType: 'somebodysOwn' },
    ];
    for (const caller of strangers) {
      expect(await takeStep(db, stepId, caller, true)).toEqual({ kind: 'not_theirs' });
    }
    const plain = await aStep();
    expect(await takeStep(db, plain.stepId, gateOf(plain.stepId), true)).toEqual({
      kind: 'not_theirs',
    });
    for (const id of [stepId, plain.stepId]) {
      expect(await stepOf(id)).toMatchObject({ holder: null, holderNumber: 0 });
    }
  });

  test('asked by twenty at once makes one the holder; the others have to be confirmed', async () => {
    const { db } = database;
    const { runId, stepId } = await aStep({ review: aGate() });
    const callers = Array.from({ length: 20 }, (_, n) => gateOf(stepId, `w${n}`));
    const takings = await Promise.all(callers.map((caller) => takeStep(db, stepId, caller)));
    const won = callers.filter((_, index) => takings[index]?.kind === 'unopened');
    expect(won).toHaveLength(1);
    expect(takings.filter(({ kind }) => kind === 'verify')).toHaveLength(19);
    expect(await stepOf(stepId)).toMatchObject({ holder: won[0]?.workflowId, holderNumber: 1 });
    expect(await cancelsOwed(runId)).toEqual([]);
  });

  test('of twenty that are confirmed at once numbers each, and each that was replaced is owed one cancel', async () => {
    const { db } = database;
    const { runId, stepId } = await aStep({ review: aGate() });
    const callers = Array.from({ length: 20 }, (_, n) => gateOf(stepId, `w${n}`));
    await Promise.all(callers.map((caller) => takeStep(db, stepId, caller, true)));
    const { holder, holderNumber } = await stepOf(stepId);
    expect(holderNumber).toBe(20);
    const cancelled = (await cancelsOwed(runId)).map(({ workflowId }) => workflowId ?? '');
    expect(cancelled.toSorted()).toEqual(
      callers
        .map(({ workflowId }) => workflowId)
        .filter((id) => id !== holder)
        .toSorted(),
    );
    expect(await auditOfRun(runId, 'holder_replaced')).toHaveLength(19);
  });

  test('tells a newcomer how a step ended, and leaves it as it is', async () => {
    const { db } = database;
    const gate = await aParkedGate(db);
    await vote(db, gate, person('u_ann'));
    const ended = await stepOf(gate.stepId);
    for (const isConfirmed of [false, true]) {
      expect(await takeStep(db, gate.stepId, gateOf(gate.stepId, 'next'), isConfirmed)).toEqual({
        kind: 'ended',
        end: 'completed',
        run: 'completed',
      });
    }
    expect(await stepOf(gate.stepId)).toEqual(ended);
    expect(await cancelsOwed(gate.run.id)).toEqual([]);
  });

  test.each(RUN_STATUSES.filter((status) => status !== 'running' && status !== 'pending'))(
    'stops a newcomer where the run is %s, unless the step was released',
    async (status) => {
      const { db } = database;
      const open = await aParkedGate(db);
      await setRunStatus(open.run.id, status);
      expect(await takeStep(db, open.stepId, gateOf(open.stepId, 'next'), true)).toMatchObject({
        kind: 'ended',
        end: 'stopped',
      });
      expect(await stepOf(open.stepId)).toMatchObject({ holder: open.holder });

      const released = await aReleasedInput();
      await setRunStatus(released.run.id, status);
      const next = gateOf(released.stepId, 'next');
      expect(await takeStep(db, released.stepId, next, true)).toEqual({ kind: 'execute' });
      expect(await stepOf(released.stepId)).toMatchObject({ holder: next.workflowId });
    },
  );

  test('takes along what could not be told to the holder before', async () => {
    const { db } = database;
    const gate = await aParkedGate(db, { groups: [{ group: 'finance', required: 2 }] });
    await vote(db, gate, person('u_ann', 'finance'));
    const due = await leaseDueMessages(db, { limit: 10_000, leaseMs: 60_000 });
    const signal = due.find(({ reviewId }) => reviewId === gate.review.id);
    expect(signal?.workflowId).toBe(gate.holder);
    await settleMessage(db, signal ?? expect.fail('no signal'), 'failed', 'it is gone');
    await takeStep(db, gate.stepId, gateOf(gate.stepId, 'next'), true);
    expect(await resumeOf(db, gate.review.id)).toEqual({ status: 'resumed', error: null });
  });
});

describe('the review of a step', () => {
  test('is opened once, however often and by however many it is asked for', async () => {
    const { db } = database;
    const gate = aGate({ placement: 'input' });
    const { runId, stepId } = await aStep({ review: gate });
    const caller = gateOf(stepId);
    await takeStep(db, stepId, caller);
    const views = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        openInputReview(db, stepId, caller, gate, {
          input: { input: { n }, blocks: {} },
          firing: firingWith({ n }),
        }),
      ),
    );
    const [first] = views;
    if (first === undefined || first === null || first === 'gone') {
      throw new Error('the gate did not open');
    }
    expect(views).toEqual(views.map(() => first));
    const versions = await db
      .selectFrom('version')
      .select('snapshot')
      .where('reviewId', '=', first.reviewId)
      .execute();
    expect(versions).toHaveLength(1);
    expect(await stepOf(stepId)).toMatchObject({
      status: 'awaiting_review',
      input: versions[0]?.snapshot,
    });
    expect(await auditOfRun(runId, 'gate_fired')).toHaveLength(1);
    await expectConsistent(db, runId);
  });

  test('is neither opened nor waived for anybody but the holder, nor in a run that is not running, nor once the step has ended', async () => {
    const { db } = database;
    const gate = aGate({ placement: 'input' });
    const { runId, stepId } = await aStep({ review: gate });
    const caller = gateOf(stepId);
    const open = async (by: Caller): Promise<readonly unknown[]> => {
      const input = { input: {}, blocks: {} };
      const answers: unknown[] = [];
      for (const firing of [firingWith({}), null]) {
        answers.push(await openInputReview(db, stepId, by, gate, { input, firing }));
      }
      return answers;
    };
    const gone = ['gone', 'gone'];
    expect(await open(caller)).toEqual(gone);
    await takeStep(db, stepId, caller);
    for (const stranger of [null, runOf(stepId), gateOf(stepId, 'another')]) {
      expect(await open(stranger)).toEqual(gone);
    }
    await setRunStatus(runId, 'cancelling');
    expect(await open(caller)).toEqual(gone);
    await setRunStatus(runId, 'running');
    await failStep(db, stepId, 'broken');
    expect(await open(caller)).toEqual(gone);
    expect(await findReviewOfStep(db, stepId)).toBeNull();
    expect(await stepOf(stepId)).toMatchObject({ waivedInputSha256: null });
  });

  test('that cannot be opened leaves nothing of itself', async () => {
    const { db } = database;
    const { runId, stepId } = await aStep({ review: aGate() });
    await takeStep(db, stepId, gateOf(stepId));
    await beginStep(db, stepId, gateOf(stepId), 'first');
    const opening = finishStep(
      db,
      { stepId, attemptToken: 'first', result: { ...RESULT, output: SNAPSHOT } },
      async (tx, context) => {
        await openReview(tx, context, aGate(), firingWith(SNAPSHOT));
        throw new Error(`cut off ${randomUUID()}`);
      },
    );
    await expect(opening).rejects.toThrow('cut off');
    expect(await findReviewOfStep(db, stepId)).toBeNull();
    expect(await auditOfRun(runId, 'gate_fired')).toEqual([]);
    await inTransaction(db, async (tx) => {
      const versions = await tx
        .selectFrom('version')
        .innerJoin('review', 'review.id', 'version.reviewId')
        .where('review.runId', '=', runId)
        .select('version.id')
        .execute();
      expect(versions).toEqual([]);
    });
  });
});
