import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Block, BlockResult } from '../../src/domain/definition.js';
import type { JsonObject } from '../../src/domain/json.js';
import { RUN_STATUSES, type RunStatus, type StepStatus } from '../../src/domain/statuses.js';
import { addVersion } from '../../src/store/add-version.js';
import { inTransaction } from '../../src/store/database.js';
import { openInputReview, openReview, takeStep } from '../../src/store/gates.js';
import {
  type Beginning,
  beginStep,
  completeStep,
  failAttempt,
  failStep,
  finishStep,
  stampAlive,
} from '../../src/store/ledger.js';
import { leaseDueMessages, settleMessage } from '../../src/store/outbox.js';
import { findReviewOfStep } from '../../src/store/reviews.js';
import { stepIdOf } from '../../src/domain/step-ids.js';
import { readEffectiveOutput } from '../../src/store/steps.js';
import type { AuditRow, OutboxRow, StepRow } from '../../src/store/tables.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import {
  aBlock,
  aGate,
  aParkedGate,
  aRunningRun,
  claim,
  firingWith,
  type ParkedGate,
  person,
  reviewNow,
  SNAPSHOT,
  vote,
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

/** An approved and claimed gate on a block's input: the block may be executed now. */
async function aClaimedInput(about: Partial<Block> = {}): Promise<ParkedGate> {
  const { db } = database;
  const gate = await aParkedGate(db, { placement: 'input' }, { block: about });
  await vote(db, gate, person('u_ann'));
  expect(await claim(db, gate)).toEqual({ granted: true, outcome: 'execute' });
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
): Promise<'completed' | null> {
  return await finishStep(database.db, { stepId, attemptToken, result }, async (tx, { step }) => {
    await completeStep(tx, step, null);
    return 'completed' as const;
  });
}

function said(beginning: Beginning): string {
  switch (beginning.kind) {
    case 'begin':
      return `begin ${beginning.attempt}`;
    case 'ended':
      return beginning.end;
    case 'busy':
      return 'busy';
  }
}

/** Lets the attempt that is under way be silent for so long that it is taken for lost. */
async function loseAttempt(stepId: string): Promise<void> {
  await database.db
    .updateTable('step')
    .set({ aliveAt: sql`clock_timestamp() - interval '11 seconds'` })
    .where('id', '=', stepId)
    .execute();
}

describe('beginStep', () => {
  test('enters the attempt, its token and the time, and gives the block what it needs', async () => {
    const { db } = database;
    const { stepId } = await aStep({}, { only: { file: 'a.pdf' } });
    const beginning = await beginStep(db, stepId, null, 'first');
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
    await beginStep(db, stepId, null, 'first');
    const { startedAt } = await stepOf(stepId);
    // Attempts that were lost with their worker are not failures, however many there are.
    for (let attempt = 2; attempt <= 5; attempt += 1) {
      expect(said(await beginStep(db, stepId, null, `t${attempt}`))).toBe(`begin ${attempt}`);
    }
    expect(await stepOf(stepId)).toMatchObject({ attempt: 5, attemptToken: 't5', failures: 0 });
    expect((await stepOf(stepId)).startedAt).toEqual(startedAt);
  });

  test('never begins a block twice that must not be repeated: once its attempt is lost, nobody can know what it did', async () => {
    const { db } = database;
    const { runId, stepId } = await aStep({ execution: ONCE });
    expect(said(await beginStep(db, stepId, null, 'first'))).toBe('begin 1');
    await loseAttempt(stepId);
    for (const token of ['second', 'third']) {
      expect(said(await beginStep(db, stepId, null, token))).toBe('unknown');
    }
    expect(await stepOf(stepId)).toMatchObject({
      status: 'error',
      outcomeUnknown: true,
      attempt: 1,
      attemptToken: 'first',
      errorMessage:
        'The block was being executed when its worker was lost, and it must not be repeated: find out what it did, and start a new run if it did nothing.',
      endedAt: A_TIME,
    });
    expect(await auditOfRun(runId, 'outcome_unknown')).toMatchObject([
      { actorId: 'countersign', detail: { step_id: stepId } },
    ]);
  });

  test('waits for an attempt that must not be repeated for as long as it says that it is alive', async () => {
    const { db } = database;
    const { stepId } = await aStep({ execution: ONCE });
    await beginStep(db, stepId, null, 'first');
    const begun = await stepOf(stepId);
    expect(said(await beginStep(db, stepId, null, 'second'))).toBe('busy');
    expect(await stepOf(stepId)).toEqual(begun);

    await loseAttempt(stepId);
    await stampAlive(db, stepId, 'first');
    expect(said(await beginStep(db, stepId, null, 'second'))).toBe('busy');
    expect(await finish(stepId, 'first')).toBe('completed');
    expect(said(await beginStep(db, stepId, null, 'second'))).toBe('completed');
  });

  test('takes no word for it from an attempt that was overtaken', async () => {
    const { db } = database;
    const { stepId } = await aStep({ execution: ONCE });
    await beginStep(db, stepId, null, 'first');
    await loseAttempt(stepId);
    await stampAlive(db, stepId, 'another');
    expect(said(await beginStep(db, stepId, null, 'second'))).toBe('unknown');
  });

  test.each([
    ['repeatable', REPEATABLE],
    ['not repeatable', ONCE],
  ])(
    'asked again by the same attempt of a block that is %s gives the same answer',
    async (_, execution) => {
      const { db } = database;
      const { stepId } = await aStep({ execution });
      const first = await beginStep(db, stepId, null, 'first');
      const begun = await stepOf(stepId);
      expect(said(await beginStep(db, stepId, null, 'first'))).toBe(said(first));
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
          said(await beginStep(db, stepId, null, `t${n}`)),
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
    await beginStep(db, stepId, null, 'first');
    await end(stepId);
    const ended = await stepOf(stepId);
    expect(said(await beginStep(db, stepId, null, 'second'))).toBe(word);
    expect(await stepOf(stepId)).toEqual(ended);
  });

  test.each<[StepStatus, string]>([
    ['skipped', 'skipped'],
    ['cancelled', 'stopped'],
  ])('says of a %s step that it %s', async (status, word) => {
    const { db } = database;
    const { stepId } = await aStep();
    await db.updateTable('step').set({ status }).where('id', '=', stepId).execute();
    expect(said(await beginStep(db, stepId, null, 'first'))).toBe(word);
  });

  test.each(RUN_STATUSES.filter((status) => status !== 'running'))(
    'begins nothing in a run that is %s, but for what was claimed before',
    async (status) => {
      const { db } = database;
      const { runId, stepId } = await aStep();
      await setRunStatus(runId, status);
      expect(said(await beginStep(db, stepId, null, 'first'))).toBe('stopped');
      expect(await stepOf(stepId)).toMatchObject({ status: 'pending', attempt: 0 });

      const gate = await aParkedGate(db, { placement: 'input' });
      await vote(db, gate, person('u_ann'));
      await setRunStatus(gate.run.id, status);
      expect(said(await beginStep(db, gate.stepId, gate.holder, 'first'))).toBe('stopped');

      const claimed = await aClaimedInput();
      await setRunStatus(claimed.run.id, status);
      expect(said(await beginStep(db, claimed.stepId, claimed.holder, 'first'))).toBe('begin 1');
    },
  );

  test('is for the holder only', async () => {
    const { db } = database;
    const { stepId } = await aStep();
    expect(said(await beginStep(db, stepId, 'somebody', 'first'))).toBe('superseded');
    await takeStep(db, stepId, { workflowId: 'w1', startedAt: '2026-01-01T00:00:00.000Z' });
    expect(said(await beginStep(db, stepId, null, 'first'))).toBe('superseded');
    expect(said(await beginStep(db, stepId, 'w2', 'first'))).toBe('superseded');
    expect(said(await beginStep(db, stepId, 'w1', 'first'))).toBe('begin 1');
  });

  test('never begins behind a review of the input whose release nobody has claimed', async () => {
    const { db } = database;
    const gate = await aParkedGate(db, { placement: 'input', corrections: 'none' });
    expect(said(await beginStep(db, gate.stepId, gate.holder, 'first'))).toBe('stopped');
    expect(await stepOf(gate.stepId)).toMatchObject({ status: 'awaiting_review', attempt: 0 });
  });

  test('does not begin again what has been reviewed', async () => {
    const { db } = database;
    const gate = await aParkedGate(db);
    await expect(beginStep(db, gate.stepId, gate.holder, 'again')).rejects.toThrow(
      `step ${gate.stepId} has a result, and yet it was to be begun`,
    );
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
    await beginStep(db, stepIdOf(run.id, 'plain'), null, 'p');
    await finish(stepIdOf(run.id, 'plain'), 'p', { ...RESULT, output: [1, null] });

    const stepId = stepIdOf(run.id, 'extract');
    await takeStep(db, stepId, { workflowId: 'w', startedAt: new Date().toISOString() });
    await beginStep(db, stepId, 'w', 'e');
    const opened = await finishStep(
      db,
      { stepId, attemptToken: 'e', result: { ...RESULT, output: SNAPSHOT } },
      (tx, context) => openReview(tx, context, aGate(), firingWith(SNAPSHOT)),
    );
    const review = await findReviewOfStep(db, stepId);
    const added = await addVersion(db, person('u_ann'), opened?.reviewId ?? '', {
      parentId: opened?.newestVersionId ?? '',
      snapshot: { total: 6, vendor: null },
      note: null,
      origin: 'human_edit',
      acknowledgedVersionIds: [],
    });
    expect(added.kind).toBe('created');
    expect(await readEffectiveOutput(db, stepId)).toBeNull();
    const gate = { run, stepId, holder: 'w', review: review ?? expect.fail('no review') };
    await vote(db, gate, person('u_bob'));
    const { decisionVersionId } = await reviewNow(db, gate);
    await claim(db, gate, { versionId: decisionVersionId });

    expect(await readEffectiveOutput(db, stepId)).toBe('{"total":6,"vendor":null}');
    expect(await beginStep(db, stepIdOf(run.id, 'book'), null, 'b')).toMatchObject({
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
    const { decisionVersionId } = await reviewNow(db, gate);
    await claim(db, gate, { versionId: decisionVersionId });
    expect(await beginStep(db, gate.stepId, gate.holder, 'once')).toMatchObject({
      kind: 'begin',
      input: { input: { table: 'users_old' }, blocks: {} },
    });
  });
});

describe('finishStep', () => {
  test('stores the canonical texts of output and consensus, and the link to the source', async () => {
    const { db } = database;
    const { stepId } = await aStep();
    await beginStep(db, stepId, null, 'first');
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
    await beginStep(db, stepId, null, 'first');
    await beginStep(db, stepId, null, 'second');
    expect(await finish(stepId, 'first', { ...RESULT, output: 'too late' })).toBeNull();
    expect(await stepOf(stepId)).toMatchObject({ status: 'running', output: null });
    expect(await finish(stepId, 'second')).toBe('completed');
    const ended = await stepOf(stepId);
    expect(ended.output).toBe('{"done":true}');

    // Also what comes after the end, be it the same once more.
    expect(await finish(stepId, 'second', { ...RESULT, output: 'again' })).toBeNull();
    expect(await finish(stepId, 'first')).toBeNull();
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
    await beginStep(db, stepId, null, 'first');
    await loseAttempt(stepId);
    await beginStep(db, stepId, null, 'second');
    expect(await finish(stepId, 'first')).toBeNull();
    expect(await stepOf(stepId)).toMatchObject({ outcomeUnknown: true, output: null });
    expect(await auditOfRun(runId, 'late_result')).toHaveLength(1);
  });

  test('is one transaction with what follows: when that fails, nothing is stored and it can be done again', async () => {
    const { db } = database;
    const { stepId } = await aStep();
    await beginStep(db, stepId, null, 'first');
    const failing = finishStep(
      db,
      { stepId, attemptToken: 'first', result: RESULT },
      async (tx, { step }) => {
        await completeStep(tx, step, null);
        throw new Error('the predicate broke');
      },
    );
    await expect(failing).rejects.toThrow('the predicate broke');
    expect(await stepOf(stepId)).toMatchObject({ status: 'running', output: null, endedAt: null });
    expect(await finish(stepId, 'first')).toBe('completed');
  });

  test('of twenty at once with one token stores one result', async () => {
    const { db } = database;
    const { stepId } = await aStep();
    await beginStep(db, stepId, null, 'first');
    const ends = await Promise.all(
      Array.from({ length: 20 }, (_, n) => finish(stepId, 'first', { ...RESULT, output: n })),
    );
    expect(ends.filter((end) => end === 'completed')).toHaveLength(1);
    expect((await stepOf(stepId)).output).toBe(String(ends.indexOf('completed')));
  });

  test('ends the review that the block was executed for as EXECUTED', async () => {
    const { db } = database;
    const gate = await aClaimedInput();
    await beginStep(db, gate.stepId, gate.holder, 'once');
    expect(await reviewNow(db, gate)).toMatchObject({ status: 'PROCESSING', endedAt: null });
    await finish(gate.stepId, 'once');
    expect(await reviewNow(db, gate)).toMatchObject({
      status: 'EXECUTED',
      endedAt: A_TIME,
    });
    await expectConsistent(db, gate.run.id);
  });
});

describe('failAttempt', () => {
  test('retries a repeatable block until its attempts are used up, and keeps the last message', async () => {
    const { db } = database;
    const { stepId } = await aStep({ execution: REPEATABLE });
    const words: string[] = [];
    for (const token of ['t1', 't2', 't3']) {
      await beginStep(db, stepId, null, token);
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
    const gate = await aClaimedInput({ execution: { ...ONCE, attempts: 5 } });
    await beginStep(db, gate.stepId, gate.holder, 'once');
    expect(await failAttempt(db, gate.stepId, 'once', 'no such table', false)).toBe('failed');
    expect(await stepOf(gate.stepId)).toMatchObject({
      status: 'error',
      outcomeUnknown: false,
      errorMessage: 'no such table',
    });
    expect(await reviewNow(db, gate)).toMatchObject({ status: 'EXECUTED' });
    await expectConsistent(db, gate.run.id);
  });

  test('makes no further attempt after a failure for good, however many are left', async () => {
    const { db } = database;
    const { stepId } = await aStep({ execution: REPEATABLE });
    await beginStep(db, stepId, null, 'first');
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
    const gate = await aClaimedInput({ execution: ONCE });
    await beginStep(db, gate.stepId, gate.holder, 'once');
    expect(await failAttempt(db, gate.stepId, 'once', 'no answer', true)).toBe('unknown');
    expect(await stepOf(gate.stepId)).toMatchObject({
      status: 'error',
      outcomeUnknown: true,
      errorMessage: `no answer Whether it did its work cannot be known, and it must not be repeated: look for its idempotency key ${gate.stepId} where it writes, and start a new run if it did nothing.`,
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
    await beginStep(db, stepId, null, 'first');
    await beginStep(db, stepId, null, 'second');
    const before = await stepOf(stepId);
    expect(await failAttempt(db, stepId, 'first', 'too late', false)).toBe('superseded');
    expect(await stepOf(stepId)).toEqual(before);
    await finish(stepId, 'second');
    expect(await failAttempt(db, stepId, 'second', 'after all', false)).toBe('superseded');
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
    await beginStep(db, stepId, null, 'first');
    await db.updateTable('step').set({ status }).where('id', '=', stepId).execute();
    expect(await stampAlive(db, stepId, 'first')).toBe(isWanted);
    // An overtaken attempt, and one that has not begun yet, cannot tell.
    expect(await stampAlive(db, stepId, 'another')).toBe(true);
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

const at = (ms: number): string => new Date(Date.UTC(2026, 0, 1) + ms).toISOString();

describe('takeStep', () => {
  test('makes the first who asks the holder, and says again what it said when it asks again', async () => {
    const { db } = database;
    const { runId, stepId } = await aStep({ review: aGate() });
    for (const _ of [1, 2]) {
      expect(await takeStep(db, stepId, { workflowId: 'w1', startedAt: at(0) })).toEqual({
        kind: 'unopened',
      });
    }
    expect(await stepOf(stepId)).toMatchObject({ holder: 'w1', holderStartedAt: new Date(at(0)) });
    expect(await cancelsOwed(runId)).toEqual([]);
    expect(await auditOfRun(runId, 'holder_replaced')).toEqual([]);
  });

  test('lets a younger workflow take over, and owes the one before a cancel', async () => {
    const { db } = database;
    const gate = await aParkedGate(db);
    await vote(db, gate, person('u_ann'));
    const younger = { workflowId: 'younger', startedAt: new Date(Date.now() + 60_000).toJSON() };
    for (const _ of [1, 2]) {
      expect(await takeStep(db, gate.stepId, younger)).toMatchObject({
        kind: 'waiting',
        gate: { reviewId: gate.review.id, facts: [{ kind: 'vote', seq: 1, reviewerId: 'u_ann' }] },
      });
    }
    expect(await stepOf(gate.stepId)).toMatchObject({ holder: 'younger' });
    expect(await cancelsOwed(gate.run.id)).toMatchObject([
      { workflowId: gate.holder, state: 'pending', leaseToken: null },
    ]);
    expect(await auditOfRun(gate.run.id, 'holder_replaced')).toMatchObject([
      { detail: { step_id: gate.stepId, before: gate.holder, after: 'younger' } },
    ]);
    // The run itself is not cancelled by that.
    expect(await claim(db, gate)).toMatchObject({ granted: false, why: 'superseded' });
    expect(await claim(db, gate, { holder: 'younger' })).toMatchObject({ granted: true });
  });

  test('never gives the step back to an older workflow, whatever the step has come to', async () => {
    const { db } = database;
    const { stepId } = await aStep({ review: aGate() });
    await takeStep(db, stepId, { workflowId: 'younger', startedAt: at(1) });
    const older = { workflowId: 'older', startedAt: at(0) };
    expect(await takeStep(db, stepId, older)).toEqual({ kind: 'ended', end: 'superseded' });
    await failStep(db, stepId, 'broken');
    expect(await takeStep(db, stepId, older)).toEqual({ kind: 'ended', end: 'superseded' });
    expect(await stepOf(stepId)).toMatchObject({ holder: 'younger' });
  });

  test('of two workflows that started at once settles on one, however often they ask', async () => {
    const { db } = database;
    const { stepId } = await aStep({ review: aGate() });
    const [one, two] = [
      { workflowId: 'gate~1', startedAt: at(0) },
      { workflowId: 'gate~2', startedAt: at(0) },
    ];
    for (const asking of [one, two, one, two, one]) {
      await takeStep(db, stepId, asking);
    }
    expect(await stepOf(stepId)).toMatchObject({ holder: 'gate~2' });
    expect(await takeStep(db, stepId, one)).toEqual({ kind: 'ended', end: 'superseded' });
  });

  test('asked by twenty at once leaves the youngest as holder, and each it replaced is owed one cancel', async () => {
    const { db } = database;
    const { runId, stepId } = await aStep({ review: aGate() });
    const order = Array.from({ length: 20 }, (_, n) => (n * 7) % 20);
    const takings = await Promise.all(
      order.map((n) => takeStep(db, stepId, { workflowId: `w${n}`, startedAt: at(n) })),
    );
    expect(await stepOf(stepId)).toMatchObject({ holder: 'w19' });
    const took = order.filter((_, index) => takings[index]?.kind === 'unopened');
    const cancelled = (await cancelsOwed(runId)).map(({ workflowId }) => workflowId ?? '');
    expect(cancelled.toSorted()).toEqual(
      took
        .filter((n) => n !== 19)
        .map((n) => `w${n}`)
        .toSorted(),
    );
    const replaced = await auditOfRun(runId, 'holder_replaced');
    expect(replaced).toHaveLength(cancelled.length);
    expect(takings.filter(({ kind }) => kind === 'ended')).toHaveLength(20 - took.length);
  });

  test('tells a newcomer how a step ended, and leaves it as it is', async () => {
    const { db } = database;
    const gate = await aParkedGate(db);
    await vote(db, gate, person('u_ann'));
    await claim(db, gate);
    const ended = await stepOf(gate.stepId);
    const younger = { workflowId: 'younger', startedAt: new Date(Date.now() + 60_000).toJSON() };
    expect(await takeStep(db, gate.stepId, younger)).toEqual({ kind: 'ended', end: 'completed' });
    expect(await stepOf(gate.stepId)).toEqual(ended);
    expect(await cancelsOwed(gate.run.id)).toEqual([]);
  });

  test.each(RUN_STATUSES.filter((status) => status !== 'running'))(
    'stops a newcomer where the run is %s, unless the release was claimed',
    async (status) => {
      const { db } = database;
      const younger = { workflowId: 'younger', startedAt: new Date(Date.now() + 60_000).toJSON() };
      const open = await aParkedGate(db);
      await setRunStatus(open.run.id, status);
      expect(await takeStep(db, open.stepId, younger)).toEqual({ kind: 'ended', end: 'stopped' });
      expect(await stepOf(open.stepId)).toMatchObject({ holder: open.holder });

      const claimed = await aClaimedInput();
      await setRunStatus(claimed.run.id, status);
      expect(await takeStep(db, claimed.stepId, younger)).toMatchObject({ kind: 'waiting' });
      expect(await stepOf(claimed.stepId)).toMatchObject({ holder: 'younger' });
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
    const younger = { workflowId: 'younger', startedAt: new Date(Date.now() + 60_000).toJSON() };
    await takeStep(db, gate.stepId, younger);
    const row = await db
      .selectFrom('outbox')
      .select('state')
      .where('id', '=', signal?.id ?? '')
      .executeTakeFirst();
    expect(row).toEqual({ state: 'superseded' });
  });
});

describe('the review of a step', () => {
  test('is opened once, however often and by however many it is asked for', async () => {
    const { db } = database;
    const { runId, stepId } = await aStep({ review: aGate({ placement: 'input' }) });
    await takeStep(db, stepId, { workflowId: 'w', startedAt: at(0) });
    const gate = aGate({ placement: 'input' });
    const views = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        openInputReview(db, stepId, 'w', gate, firingWith({ n })),
      ),
    );
    expect(new Set(views.map((view) => view?.reviewId)).size).toBe(1);
    expect(new Set(views.map((view) => view?.newestVersionId)).size).toBe(1);
    const versions = await db
      .selectFrom('version')
      .select('snapshot')
      .where('reviewId', '=', views[0]?.reviewId ?? '')
      .execute();
    expect(versions).toHaveLength(1);
    expect(await stepOf(stepId)).toMatchObject({
      status: 'awaiting_review',
      input: versions[0]?.snapshot,
    });
    expect(await auditOfRun(runId, 'gate_fired')).toHaveLength(1);
    await expectConsistent(db, runId);
  });

  test('is not opened for anybody but the holder, nor in a run that is not running, nor once the step has ended', async () => {
    const { db } = database;
    const gate = aGate({ placement: 'input' });
    const open = (stepId: string, holder: string) =>
      openInputReview(db, stepId, holder, gate, firingWith({}));
    const one = await aStep({ review: gate });
    await takeStep(db, one.stepId, { workflowId: 'w', startedAt: at(0) });
    expect(await open(one.stepId, 'another')).toBeNull();
    await setRunStatus(one.runId, 'cancelling');
    expect(await open(one.stepId, 'w')).toBeNull();
    await setRunStatus(one.runId, 'running');
    await failStep(db, one.stepId, 'broken');
    expect(await open(one.stepId, 'w')).toBeNull();
    expect(await findReviewOfStep(db, one.stepId)).toBeNull();
  });

  test('that cannot be opened leaves nothing of itself', async () => {
    const { db } = database;
    const { runId, stepId } = await aStep({ review: aGate() });
    await takeStep(db, stepId, { workflowId: 'w', startedAt: at(0) });
    await beginStep(db, stepId, 'w', 'first');
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
