import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunEnd } from '../../src/domain/orders.js';
import { RUN_STATUSES, type RunStatus } from '../../src/domain/statuses.js';
import { SYSTEM } from '../../src/store/actors.js';
import { cancelRun } from '../../src/store/cancel-run.js';
import { endRun, endRunOf } from '../../src/store/end-run.js';
import { takeStep } from '../../src/store/gates.js';
import { beginStep, completeStep, failAttempt, finishStep } from '../../src/store/ledger.js';
import { retryRun } from '../../src/store/retry-run.js';
import { listFacts } from '../../src/store/reviews.js';
import {
  createRun,
  findRun,
  findRunByCommand,
  getRun,
  listExecuting,
  listRuns,
  type RunFilter,
  type RunRequest,
  waitingBlocks,
} from '../../src/store/runs.js';
import { stepIdOf } from '../../src/domain/step-ids.js';
import { createSteps, listSteps } from '../../src/store/steps.js';
import type { RunRow, WorkflowVersionRow } from '../../src/store/tables.js';
import { putWorkflow } from '../../src/store/workflows.js';
import { gateOf, runOf } from '../support/callers.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import {
  aBlock,
  aDefinition,
  aGate,
  anApprovedInput,
  aParkedGate,
  aRun,
  aRunningRun,
  askForRelease,
  loseAttempt,
  park,
  person,
  reviewNow,
  vote,
} from '../support/parked.js';
import { expectConsistent } from './consistency.js';

const A_TIME: unknown = expect.any(Date);

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const ABOUT = { reason: 'not needed any more', dialect: 'retab' as const };

async function aVersion(): Promise<WorkflowVersionRow> {
  return await putWorkflow(database.db, SYSTEM, aDefinition([aBlock('only')]));
}

function requestOf(version: WorkflowVersionRow, about: Partial<RunRequest> = {}): RunRequest {
  const nothing = { metadata: null, ownerId: null, commandId: null };
  return { version, inputs: {}, ...nothing, trigger: 'api', ...about };
}

const rowsOf = (run: Pick<RunRow, 'id'>) => ({
  outbox: async () =>
    await database.db
      .selectFrom('outbox')
      .selectAll()
      .where('runId', '=', run.id)
      .orderBy('id')
      .execute(),
  audit: async (action: string) =>
    await database.db
      .selectFrom('audit')
      .selectAll()
      .where('runId', '=', run.id)
      .where('action', '=', action)
      .execute(),
  steps: async () =>
    await database.db
      .selectFrom('step')
      .selectAll()
      .where('runId', '=', run.id)
      .orderBy('position')
      .execute(),
});

describe('createRun', () => {
  test('writes the run, what it is started with, and one start that is owed', async () => {
    const { db } = database;
    const version = await aVersion();
    const { run, isNew, lease } = await createRun(
      db,
      person('u_ann'),
      requestOf(version, {
        inputs: { only: { b: 1, a: 2 } },
        metadata: { ticket: 7 },
        ownerId: 'u_owner',
        trigger: 'manual',
      }),
      5_000,
    );
    expect(isNew).toBe(true);
    expect(run).toMatchObject({
      id: expectRunId,
      projectId: 'prj_default',
      kind: 'workflow',
      status: 'pending',
      workflowId: version.workflowId,
      workflowVersionId: version.id,
      inputs: '{"only":{"a":2,"b":1}}',
      metadata: { ticket: 7 },
      ownerId: 'u_owner',
      startedBy: 'u_ann',
      trigger: 'manual',
      startedAt: null,
      endedAt: null,
    });
    expect(await rowsOf(run).outbox()).toMatchObject([
      {
        id: lease?.id,
        kind: 'start',
        workflowId: run.id,
        state: 'pending',
        leaseToken: lease?.leaseToken,
        attempts: 1,
      },
    ]);
    expect(await rowsOf(run).audit('run_started')).toMatchObject([
      { actorId: 'u_ann', tokenId: 'tok_u_ann', detail: { owner_id: 'u_owner' } },
    ]);
  });

  const expectRunId: unknown = expect.stringMatching(/^run_[A-Z2-7]{26}$/);

  test('gives twenty who send one command id at once the same run, and starts it once', async () => {
    const { db } = database;
    const version = await aVersion();
    for (const round of [1, 2, 3]) {
      const commandId = `command-${round}`;
      const started = await Promise.all(
        Array.from({ length: 20 }, () =>
          createRun(db, SYSTEM, requestOf(version, { commandId }), 5_000),
        ),
      );
      expect(new Set(started.map(({ run }) => run.id)).size).toBe(1);
      expect(started.filter(({ isNew }) => isNew)).toHaveLength(1);
      expect(started.filter(({ lease }) => lease !== null)).toHaveLength(1);
      const run = started[0]?.run ?? expect.fail('no run');
      expect(await rowsOf(run).outbox()).toHaveLength(1);
      expect(await findRunByCommand(db, 'prj_default', commandId)).toEqual(run);
    }
    const { rows } = await listRuns(
      db,
      'prj_default',
      { ...ANY, workflowId: version.workflowId },
      PAGE,
    );
    expect(rows).toHaveLength(3);
  });

  test('gives a repeat of a command its first answer, whatever else it says, and every project its own', async () => {
    const { db } = database;
    await db.insertInto('project').values({ id: 'prj_two', name: 'Two' }).execute();
    const version = await aVersion();
    const asked = requestOf(version, { commandId: 'same', inputs: { only: 1 } });
    const first = await createRun(db, SYSTEM, asked, 0);
    await endRun(db, first.run.id, { kind: 'cancelled' });
    const again = await createRun(db, SYSTEM, { ...asked, inputs: { only: 2 } }, 5_000);
    expect(again).toMatchObject({
      isNew: false,
      lease: null,
      run: { id: first.run.id, inputs: '{"only":1}', status: 'cancelled' },
    });
    const other = await createRun(db, { ...SYSTEM, projectId: 'prj_two' }, asked, 0);
    expect(other.isNew).toBe(true);
    expect(await findRun(db, 'prj_default', other.run.id)).toBeNull();
    expect(await findRunByCommand(db, 'prj_default', null)).toBeNull();
  });

  test('without a command id starts a run each time', async () => {
    const version = await aVersion();
    const ids = await Promise.all(
      [1, 2, 3].map(async () => {
        const { run } = await createRun(database.db, SYSTEM, requestOf(version), 0);
        return run.id;
      }),
    );
    expect(new Set(ids).size).toBe(3);
  });
});

const ANY: RunFilter = {
  workflowId: null,
  statuses: [],
  excludedStatuses: [],
  trigger: null,
  from: null,
  to: null,
  search: null,
  metadata: null,
};
const PAGE = { order: 'asc', before: null, after: null, limit: 50 } as const;

describe('a run that was asked for', () => {
  test('begins with its first block, once, however many ask', async () => {
    const run = await aRun(database.db);
    const stepId = stepIdOf(run.id, 'only');
    const begun = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        beginStep(database.db, stepId, runOf(stepId), `attempt ${n}`),
      ),
    );
    expect(new Set(begun.map(({ kind }) => kind))).toEqual(new Set(['begin']));
    const now = await getRun(database.db, run.id);
    expect(now).toMatchObject({ status: 'running', startedAt: A_TIME });
    await beginStep(database.db, stepId, runOf(stepId), 'again');
    expect(await getRun(database.db, run.id)).toEqual(now);
  });

  test('has its steps from the start, and they are written once, however often', async () => {
    const { db } = database;
    const blocks = [aBlock('a'), aBlock('b', { label: 'Bee', type: 'extract' })];
    const run = await aRun(db, blocks);
    const before = await rowsOf(run).steps();
    expect(before).toHaveLength(2);
    await Promise.all([1, 2, 3, 4].map(() => createSteps(db, run, aDefinition(blocks))));
    expect(await rowsOf(run).steps()).toEqual(before);
    expect(before).toMatchObject([
      { id: `${run.id}_a`, position: 0, blockType: 'task', blockLabel: null, status: 'pending' },
      { id: `${run.id}_b`, position: 1, blockType: 'extract', blockLabel: 'Bee' },
    ]);
    const filter = {
      runId: run.id,
      workflowId: null,
      blockId: null,
      stepId: null,
      parentStepId: null,
      iterationKey: null,
      blockTypes: [],
      statuses: ['pending' as const],
    };
    const listed = await listSteps(db, 'prj_default', filter, PAGE);
    expect(listed.rows.map(({ id }) => id).toSorted()).toEqual(before.map(({ id }) => id));
  });
});

describe('cancelRun', () => {
  test('of a run that has begun marks it, and owes its workflow one cancel, however many ask', async () => {
    const { db } = database;
    const gate = await aParkedGate(db);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => cancelRun(db, person('u_ann'), gate.run.id, ABOUT, 5_000)),
    );
    expect(answers.filter(({ lease }) => lease !== null)).toHaveLength(1);
    expect(new Set(answers.map(({ run }) => run.status))).toEqual(new Set(['cancelling']));
    expect(await getRun(db, gate.run.id)).toMatchObject({
      status: 'cancelling',
      cancelReason: 'not needed any more',
      cancelledBy: 'u_ann',
      endedAt: null,
    });
    const owed = (await rowsOf(gate.run).outbox()).filter(({ kind }) => kind === 'cancel');
    expect(owed).toMatchObject([{ workflowId: gate.run.id, state: 'pending' }]);
    expect(await rowsOf(gate.run).audit('run_cancelled')).toMatchObject([
      { actorId: 'u_ann', detail: { reason: 'not needed any more', dialect: 'retab' } },
    ]);
    await expectConsistent(db, gate.run.id);
  });

  test('of a run that never began ends it and its steps for good, and its workflow then finds nothing to do', async () => {
    const { db } = database;
    const run = await aRun(db, [aBlock('only'), aBlock('gated', { review: aGate() })]);
    expect(await cancelRun(db, SYSTEM, run.id, ABOUT, 5_000)).toMatchObject({
      run: { status: 'cancelled', endedAt: A_TIME },
      lease: null,
    });
    const why = { status: 'cancelled', reason: 'not needed any more', endedAt: A_TIME };
    expect(await rowsOf(run).steps()).toMatchObject([why, why]);
    const [only, gated] = [stepIdOf(run.id, 'only'), stepIdOf(run.id, 'gated')];
    const stopped = { kind: 'ended', end: 'stopped', run: 'cancelled' };
    expect(await beginStep(db, only, runOf(run.id), 't')).toEqual(stopped);
    expect(await takeStep(db, gated, gateOf(gated))).toEqual(stopped);
    expect(await getRun(db, run.id)).toMatchObject({ status: 'cancelled', startedAt: null });
    await expectConsistent(db, run.id);
    expect(await rowsOf(run).outbox()).toEqual([]);
  });

  test('against the beginning of the run ends it one way or the other', async () => {
    const { db } = database;
    for (let round = 0; round < 20; round += 1) {
      const run = await aRun(db);
      const stepId = stepIdOf(run.id, 'only');
      const [beginning, { run: cancelled }] = await Promise.all([
        beginStep(db, stepId, runOf(stepId), 't'),
        cancelRun(db, SYSTEM, run.id, ABOUT, 0),
      ]);
      const now = await getRun(db, run.id);
      expect(now).toEqual(cancelled);
      expect(beginning.kind).toBe(now.status === 'cancelling' ? 'begin' : 'ended');
      const owed = (await rowsOf(run).outbox()).filter(({ kind }) => kind === 'cancel');
      expect(owed).toHaveLength(now.status === 'cancelling' ? 1 : 0);
      expect([now.status, now.startedAt === null, now.endedAt === null]).toEqual(
        now.status === 'cancelling' ? ['cancelling', false, true] : ['cancelled', true, false],
      );
    }
  });

  test.each(['completed', 'error', 'cancelled', 'cancelling'] as const)(
    'leaves a run that is %s as it is',
    async (status) => {
      const { db } = database;
      const run = await aRun(db);
      await db.updateTable('run').set({ status }).where('id', '=', run.id).execute();
      expect(await cancelRun(db, SYSTEM, run.id, ABOUT, 5_000)).toEqual({
        run: { ...run, status },
        lease: null,
      });
      expect(await rowsOf(run).audit('run_cancelled')).toEqual([]);
    },
  );
});

describe('endRun', () => {
  /** A run with a step that failed for good, and what its workflow can find. */
  async function aFailedStep(): Promise<{ readonly run: RunRow; readonly stepId: string }> {
    const { db } = database;
    const once = { repeatable: false, attempts: 1, timeout: '30s' };
    const run = await aRunningRun(db, [aBlock('failing', { execution: once })]);
    const stepId = stepIdOf(run.id, 'failing');
    await beginStep(db, stepId, runOf(run.id), 't');
    await failAttempt(db, stepId, 't', 'no such table', false);
    return { run, stepId };
  }
  const ends = (stepId: string): readonly RunEnd[] => [
    { kind: 'completed' },
    { kind: 'failed', stepId },
    { kind: 'cancelled' },
  ];
  const EXPECTED: Readonly<Record<RunStatus, readonly RunStatus[]>> = {
    pending: ['pending', 'error', 'cancelled'],
    running: ['running', 'error', 'cancelled'],
    cancelling: ['cancelled', 'cancelled', 'cancelled'],
    completed: ['completed', 'completed', 'completed'],
    error: ['error', 'error', 'error'],
    cancelled: ['cancelled', 'cancelled', 'cancelled'],
  };
  test.each(RUN_STATUSES)(
    'lets the store prevail over what a workflow says of a run that is %s',
    async (status) => {
      const { db } = database;
      const found: RunStatus[] = [];
      for (const index of [0, 1, 2]) {
        const { run, stepId } = await aFailedStep();
        const end = ends(stepId)[index] ?? { kind: 'completed' };
        await db.updateTable('run').set({ status }).where('id', '=', run.id).execute();
        found.push((await endRun(db, run.id, end)).status);
        const ended = await getRun(db, run.id);
        expect(await endRun(db, run.id, { kind: 'completed' })).toEqual(ended);
      }
      expect(found).toEqual(EXPECTED[status]);
    },
  );

  test('with a failure names the step and its message, and closes nothing', async () => {
    const { db } = database;
    const once = { repeatable: false, attempts: 1, timeout: '30s' };
    const run = await aRunningRun(db, [
      aBlock('failing', { execution: once }),
      aBlock('gated', { review: aGate() }),
      aBlock('begun'),
      aBlock('later'),
      aBlock('done'),
    ]);
    const failing = stepIdOf(run.id, 'failing');
    await beginStep(db, failing, runOf(run.id), 't');
    await failAttempt(db, failing, 't', 'no such table', false);
    const gate = await park(db, run, 'gated');
    await beginStep(db, stepIdOf(run.id, 'begun'), runOf(run.id), 't');
    await beginStep(db, stepIdOf(run.id, 'done'), runOf(run.id), 't');
    const result = { output: {}, consensus: null, source: null };
    await finishStep(
      db,
      { stepId: stepIdOf(run.id, 'done'), attemptToken: 't', result },
      (tx, now) => completeStep(tx, now.run, now.step, null),
    );

    expect(await endRun(db, run.id, { kind: 'failed', stepId: failing })).toMatchObject({
      status: 'error',
      failingStepId: failing,
      errorMessage: 'no such table',
      cancelReason: null,
      endedAt: A_TIME,
    });
    expect(await rowsOf(run).steps()).toMatchObject([
      { blockId: 'failing', status: 'error' },
      { blockId: 'gated', status: 'awaiting_review', endedAt: null },
      { blockId: 'begun', status: 'running', endedAt: null },
      { blockId: 'later', status: 'pending', endedAt: null },
      { blockId: 'done', status: 'completed' },
    ]);
    expect(await reviewNow(db, gate)).toMatchObject({ status: 'PENDING', cancelledAt: null });
    expect(await rowsOf(run).audit('run_ended')).toMatchObject([{ detail: { status: 'error' } }]);
    await expectConsistent(db, run.id);
  });

  test('leaves a run alone whose step has not failed any more: it was retried meanwhile', async () => {
    const { db } = database;
    const { run, stepId } = await aFailedStep();
    const end = { kind: 'failed', stepId } as const;
    await endRun(db, run.id, end);
    await retryRun(db, SYSTEM, run.id, null, 0);
    // A worker that died after its commit makes the activity that ends the run happen again.
    expect(await endRun(db, run.id, end)).toMatchObject({ status: 'running', endedAt: null });
  });

  test('of a cancelled run ends as UNKNOWN what was begun and is lost', async () => {
    const { db } = database;
    const gate = await anApprovedInput(db);
    await beginStep(db, gate.stepId, gateOf(gate.stepId), 't');
    await loseAttempt(database.db, gate.stepId);
    await cancelRun(db, SYSTEM, gate.run.id, ABOUT, 0);
    expect(await endRun(db, gate.run.id, { kind: 'completed' })).toMatchObject({
      status: 'cancelled',
      cancelReason: 'not needed any more',
    });
    expect(await reviewNow(db, gate)).toMatchObject({ status: 'UNKNOWN', endedAt: A_TIME });
    const [step] = await rowsOf(gate.run).steps();
    expect(step).toMatchObject({ status: 'error', outcomeUnknown: true });
    await expectConsistent(db, gate.run.id);
  });

  test('of a cancelled run waits for what is being executed, and takes its result', async () => {
    const { db } = database;
    const gate = await anApprovedInput(db);
    await beginStep(db, gate.stepId, gateOf(gate.stepId), 't');
    await cancelRun(db, SYSTEM, gate.run.id, ABOUT, 0);
    expect(await endRun(db, gate.run.id, { kind: 'cancelled' })).toMatchObject({
      status: 'cancelling',
      endedAt: null,
    });
    expect(await listExecuting(db, [gate.run.id])).toEqual(new Set([gate.run.id]));
    expect(await reviewNow(db, gate)).toMatchObject({ status: 'PROCESSING' });
    const result = { output: { paid: true }, consensus: null, source: null };
    const finish = { stepId: gate.stepId, attemptToken: 't', result };
    await finishStep(db, finish, (tx, { run, step }) => completeStep(tx, run, step, null));
    expect(await reviewNow(db, gate)).toMatchObject({ status: 'EXECUTED' });
    expect(await endRun(db, gate.run.id, { kind: 'cancelled' })).toMatchObject({
      status: 'cancelled',
      endedAt: A_TIME,
    });
    expect(await rowsOf(gate.run).steps()).toMatchObject([{ status: 'completed' }]);
    expect(await rowsOf(gate.run).audit('late_result')).toEqual([]);
    await expectConsistent(db, gate.run.id);
  });

  test('of a run that its workflow found cancelled waits likewise, and shows it as being cancelled', async () => {
    const { db } = database;
    const gate = await anApprovedInput(db);
    await beginStep(db, gate.stepId, gateOf(gate.stepId), 't');
    expect(await endRun(db, gate.run.id, { kind: 'cancelled' })).toMatchObject({
      status: 'cancelling',
      cancelReason: 'the run was cancelled',
      endedAt: null,
    });
  });

  test('of a cancelled run never says of a block that did not begin that it ran, or may have run', async () => {
    const { db } = database;
    const gate = await anApprovedInput(db);
    await cancelRun(db, SYSTEM, gate.run.id, ABOUT, 0);
    await endRun(db, gate.run.id, { kind: 'cancelled' });
    expect(await reviewNow(db, gate)).toMatchObject({
      status: 'REVOKED',
      releasedAt: null,
      endedAt: A_TIME,
    });
    expect((await listFacts(db, gate.review.id)).at(-1)).toMatchObject({
      kind: 'cancelled',
      reason: 'not needed any more (its block had not begun)',
    });
    expect(await rowsOf(gate.run).steps()).toMatchObject([
      { status: 'cancelled', reason: 'not needed any more', outcomeUnknown: false },
    ]);
    // Whoever comes late to execute it is turned away.
    expect(await beginStep(db, gate.stepId, gateOf(gate.stepId), 'late')).toEqual({
      kind: 'ended',
      end: 'stopped',
      run: 'cancelled',
    });
    await expectConsistent(db, gate.run.id);
  });

  test('is done once by twenty who do it at once', async () => {
    const { db } = database;
    const gate = await aParkedGate(db);
    const ended = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        endRun(db, gate.run.id, n % 2 === 0 ? { kind: 'cancelled' } : { kind: 'completed' }),
      ),
    );
    // What asks to complete it before it is cancelled finds an open step, and changes nothing.
    const cancelled = ended.filter(({ status }) => status === 'cancelled');
    expect(new Set(cancelled.map((one) => JSON.stringify(one))).size).toBe(1);
    expect(cancelled.length).toBeGreaterThanOrEqual(10);
    expect(await rowsOf(gate.run).audit('run_ended')).toHaveLength(1);
  });
});

describe('endRunOf', () => {
  test('completes a run for its own workflow only, and only when all of its steps have ended', async () => {
    const { db } = database;
    const run = await aRunningRun(db, [aBlock('a'), aBlock('gated', { review: aGate() })]);
    const [a, gated] = [stepIdOf(run.id, 'a'), stepIdOf(run.id, 'gated')];
    const strangers = [
      null,
      gateOf(gated),
      { ...runOf(run.id), workflowId: `${run.id}~1` },
      { ...runOf(run.id), workflowType: 'somebodysOwn' },
    ];
    const ends: readonly RunEnd[] = [
      { kind: 'completed' },
      { kind: 'failed', stepId: a },
      { kind: 'cancelled' },
    ];
    for (const caller of strangers) {
      for (const end of ends) {
        expect(await endRunOf(db, run.id, end, caller)).toEqual({ kind: 'not_theirs' });
      }
    }
    const complete = () => endRunOf(db, run.id, { kind: 'completed' }, runOf(run.id));
    expect(await complete()).toEqual({ kind: 'blocked', by: [a, gated] });
    await beginStep(db, a, runOf(a), 't');
    const result = { output: {}, consensus: null, source: null };
    await finishStep(db, { stepId: a, attemptToken: 't', result }, (tx, now) =>
      completeStep(tx, now.run, now.step, null),
    );
    const gate = await park(db, run, 'gated');
    expect(await complete()).toEqual({ kind: 'blocked', by: [gated] });
    expect(await getRun(db, run.id)).toMatchObject({ status: 'running', endedAt: null });
    await vote(db, gate, person('u_ann'));
    expect(await complete()).toEqual({ kind: 'ended', status: 'completed' });
    await expectConsistent(db, run.id);
  });

  test('says of a run that has ended how, whoever asks, and changes nothing', async () => {
    const { db } = database;
    const run = await aRun(db);
    await cancelRun(db, SYSTEM, run.id, ABOUT, 0);
    const ended = await getRun(db, run.id);
    for (const caller of [null, runOf(run.id)]) {
      expect(await endRunOf(db, run.id, { kind: 'completed' }, caller)).toEqual({
        kind: 'ended',
        status: 'cancelled',
      });
    }
    expect(await getRun(db, run.id)).toEqual(ended);
  });

  test('ends a run that is being cancelled as cancelled, whatever its workflow found', async () => {
    const { db } = database;
    const gate = await aParkedGate(db);
    await cancelRun(db, SYSTEM, gate.run.id, ABOUT, 0);
    const end = { kind: 'completed' } as const;
    expect(await endRunOf(db, gate.run.id, end, runOf(gate.run.id))).toEqual({
      kind: 'ended',
      status: 'cancelled',
    });
    await expectConsistent(db, gate.run.id);
  });
});

describe('listRuns', () => {
  test('knows the runs that wait for people, and narrows by what its conditions say together', async () => {
    const { db } = database;
    const inNamespace = { trigger: 'listed' };
    const waiting = await aParkedGate(db, {}, { run: inNamespace });
    const going = await aRunningRun(db, [aBlock('only')], inNamespace);
    const manual = await aParkedGate(
      db,
      { release: 'manual' },
      { run: { ...inNamespace, ownerId: 'u_owner' } },
    );
    await vote(db, manual, person('u_ann'));
    const pending = await aRun(db, undefined, { ...inNamespace, metadata: { ticket: 7, x: 'y' } });
    const cancelling = await aParkedGate(db, {}, { run: inNamespace });
    await cancelRun(db, SYSTEM, cancelling.run.id, ABOUT, 0);
    const cancelled = await aRun(db, undefined, inNamespace);
    await cancelRun(db, SYSTEM, cancelled.id, ABOUT, 0);
    const completed = await aRun(db, undefined, inNamespace);
    await endRun(db, completed.id, { kind: 'completed' });

    const names = new Map([
      [waiting.run.id, 'waiting'],
      [going.id, 'going'],
      [manual.run.id, 'manual'],
      [pending.id, 'pending'],
      [cancelling.run.id, 'cancelling'],
      [cancelled.id, 'cancelled'],
      [completed.id, 'completed'],
    ]);
    const list = async (about: Partial<RunFilter>): Promise<readonly string[]> => {
      const filter = { ...ANY, ...inNamespace, ...about };
      const { rows } = await listRuns(db, 'prj_default', filter, PAGE);
      return rows.map(({ id }) => names.get(id) ?? id);
    };
    expect(await list({})).toEqual([...names.values()]);
    expect(await list({ statuses: ['awaiting_review'] })).toEqual(['waiting', 'manual']);
    expect(await list({ statuses: ['running'] })).toEqual(['going']);
    expect(await list({ statuses: ['pending', 'completed'] })).toEqual(['pending', 'completed']);
    // A cancellation that is durable counts, whether its workflow has obeyed it or not.
    expect(await list({ statuses: ['cancelled'] })).toEqual(['cancelling', 'cancelled']);
    expect(await list({ excludedStatuses: ['cancelled', 'awaiting_review'] })).toEqual([
      'going',
      'pending',
      'completed',
    ]);
    expect(await list({ metadata: { ticket: 7 } })).toEqual(['pending']);
    expect(await list({ metadata: { ticket: 8 } })).toEqual([]);
    expect(await list({ workflowId: going.workflowId })).toEqual(['going']);
    expect(await list({ search: going.id.slice(6, 20).toLowerCase() })).toContain('going');
    expect(await list({ search: '%' })).toEqual([]);
    expect(await list({ search: '_'.repeat(3) })).toEqual([]);
    expect(await list({ from: pending.createdAt, to: pending.createdAt })).toContain('pending');
    expect(await list({ from: new Date(completed.createdAt.getTime() + 1) })).toEqual([]);
    expect(await list({ to: new Date(waiting.run.createdAt.getTime() - 1) })).toEqual([]);

    const blocks = await waitingBlocks(db, [...names.keys()]);
    expect([...blocks]).toEqual(
      expect.arrayContaining([
        [waiting.run.id, ['extract']],
        [manual.run.id, ['extract']],
      ]),
    );
    expect(blocks.size).toBe(2);
    await askForRelease(db, manual, person('u_owner'));
    expect(await list({ statuses: ['awaiting_review'] })).toEqual(['waiting']);
    expect(await waitingBlocks(db, [])).toEqual(new Map());
  });
});
