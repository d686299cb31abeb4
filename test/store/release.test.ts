import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Gate } from '../../src/domain/definition.js';
import type { Caller } from '../../src/domain/ledger.js';
import { foldReview } from '../../src/domain/review-state.js';
import { REVIEW_STATUSES, RUN_STATUSES, type RunStatus } from '../../src/domain/statuses.js';
import { stepIdOf } from '../../src/domain/step-ids.js';
import { SYSTEM } from '../../src/store/actors.js';
import { addVersion } from '../../src/store/add-version.js';
import { cancelRun } from '../../src/store/cancel-run.js';
import { checkGate, type GateCheck, takeStep } from '../../src/store/gates.js';
import { beginStep, completeStep, failAttempt, finishStep } from '../../src/store/ledger.js';
import { listFacts, readFact } from '../../src/store/reviews.js';
import { getRun } from '../../src/store/runs.js';
import { gateOf, loopOf, runOf } from '../support/callers.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import {
  aBlock,
  aGate,
  aParkedGate,
  aRunningRun,
  askForRelease,
  check,
  park,
  type ParkedGate,
  person,
  reviewNow,
  vote,
  withdraw,
} from '../support/parked.js';
import { auditOf, expectConsistent } from './consistency.js';

const A_TIME: unknown = expect.any(Date);

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const OWNER = 'u_owner';
const ONCE = { repeatable: false, attempts: 1, timeout: '30s' };

/** A gate with a correction beside its seed; the seed is what is approved, if anything is. */
async function aGateFor(about: Partial<Gate>): Promise<ParkedGate> {
  const { db } = database;
  const gate = await aParkedGate(
    db,
    { corrections: 'entries', ...about },
    { run: { ownerId: OWNER }, block: { execution: ONCE } },
  );
  await addVersion(db, person('u_ann'), gate.review.id, {
    parentId: gate.review.newestVersionId,
    snapshot: { total: 6 },
    note: null,
    origin: 'human_edit',
    acknowledgedVersionIds: [],
  });
  return gate;
}

/** A gate whose time to undo is over, and which nobody has released yet. */
async function aDueGate(placement: Gate['placement']): Promise<ParkedGate> {
  const gate = await aGateFor({ placement, release: { after: '1h' } });
  await approve(gate);
  await letAnHourPass(gate);
  expect(await reviewNow(database.db, gate)).toMatchObject({ status: 'APPROVED' });
  return gate;
}

const approve = async (gate: ParkedGate): Promise<void> => {
  const versionId = gate.review.newestVersionId;
  await vote(database.db, gate, person('u_ann'), { versionId });
};
const decidedAgo = async (gate: ParkedGate, ms: number): Promise<void> => {
  await database.db
    .updateTable('review')
    .set({ decidedAt: sql`clock_timestamp() - ${ms} * interval '1 ms'` })
    .where('id', '=', gate.review.id)
    .execute();
};
const letAnHourPass = (gate: ParkedGate): Promise<void> => decidedAgo(gate, 3_600_001);
const cancelItsRun = async (gate: ParkedGate): Promise<void> => {
  const about = { reason: 'enough', dialect: 'native' as const };
  await cancelRun(database.db, SYSTEM, gate.run.id, about, 0);
};
const execute = async (gate: ParkedGate): Promise<void> => {
  const { db } = database;
  await beginStep(db, gate.stepId, gateOf(gate.stepId), 'once');
  const result = { output: {}, consensus: null, source: null };
  await finishStep(db, { stepId: gate.stepId, attemptToken: 'once', result }, (tx, now) =>
    completeStep(tx, now.run, now.step, null),
  );
};

/** What a gate is told, in a word: how long it has to wait besides, where time is what is missing. */
function brief(answer: GateCheck): string {
  switch (answer.kind) {
    case 'waiting':
      return answer.waitMs === null ? 'waiting' : 'waiting for its time';
    case 'ended':
      return answer.end;
    case 'execute':
    case 'unopened':
      return answer.kind;
  }
}

/** How a review came to its status, and what its gate is then told. */
type Way = {
  readonly status: (typeof REVIEW_STATUSES)[number];
  readonly how: string;
  readonly gate?: Partial<Gate>;
  readonly placements: readonly Gate['placement'][];
  readonly bring: (gate: ParkedGate) => Promise<void>;
  readonly told: string;
};
const BOTH = ['output', 'input'] as const;
const WAYS: readonly Way[] = [
  {
    status: 'PENDING',
    how: 'because nobody has decided',
    placements: BOTH,
    bring: async () => {},
    told: 'waiting',
  },
  {
    status: 'APPROVED',
    how: 'and to be released by hand',
    gate: { release: 'manual' },
    placements: BOTH,
    bring: approve,
    told: 'waiting',
  },
  {
    status: 'APPROVED',
    how: 'and to be released after an hour that is not over',
    gate: { release: { after: '1h' } },
    placements: BOTH,
    bring: approve,
    told: 'waiting for its time',
  },
  {
    status: 'REJECTED',
    how: 'by a vote',
    placements: BOTH,
    bring: async (gate) => {
      await vote(database.db, gate, person('u_ann'), { verdict: 'rejected' });
    },
    told: 'rejected',
  },
  {
    status: 'REVOKED',
    how: 'by its owner after it was approved',
    gate: { release: 'manual' },
    placements: BOTH,
    bring: async (gate) => {
      await approve(gate);
      await withdraw(database.db, gate, person(OWNER));
    },
    told: 'rejected',
  },
  {
    status: 'REVOKED',
    how: 'with its run after it was approved',
    gate: { release: 'manual' },
    placements: BOTH,
    bring: async (gate) => {
      await approve(gate);
      await cancelItsRun(gate);
    },
    told: 'rejected',
  },
  {
    status: 'REVOKED',
    how: 'with its run while it was undecided',
    placements: BOTH,
    bring: cancelItsRun,
    told: 'stopped',
  },
  {
    status: 'PROCESSING',
    how: 'since the vote that approved it',
    placements: ['input'],
    bring: approve,
    told: 'execute',
  },
  {
    status: 'EXECUTED',
    how: 'since the vote that approved it, and executed where it is an input',
    placements: BOTH,
    bring: async (gate) => {
      await approve(gate);
      if (gate.review.placement === 'input') {
        await execute(gate);
      }
    },
    told: 'completed',
  },
  {
    status: 'UNKNOWN',
    how: 'because its block kept silent',
    placements: ['input'],
    bring: async (gate) => {
      await approve(gate);
      await beginStep(database.db, gate.stepId, gateOf(gate.stepId), 'once');
      await failAttempt(database.db, gate.stepId, 'once', 'no answer', true);
    },
    told: 'unknown',
  },
];

/** Who has no business with a gated step, by what they call themselves. */
function strangersTo(stepId: string): readonly Caller[] {
  return [
    null,
    runOf(stepId),
    loopOf(stepId, 'forged'),
    gateOf(stepId, 'forged'),
    gateOf(stepId, ''),
    { ...gateOf(stepId), workflowId: stepId },
  ];
}

/** All rows that a release may change. */
async function everything(gate: ParkedGate): Promise<unknown> {
  const { db } = database;
  const step = await db.selectFrom('step').selectAll().where('id', '=', gate.stepId).execute();
  return [
    await reviewNow(db, gate),
    step,
    await auditOf(db, gate.review.id),
    await getRun(db, gate.run.id),
  ];
}

async function setRunStatus(gate: ParkedGate, status: RunStatus): Promise<void> {
  await database.db.updateTable('run').set({ status }).where('id', '=', gate.run.id).execute();
}

async function releasesOf(gate: ParkedGate): Promise<number> {
  const audit = await auditOf(database.db, gate.review.id);
  return audit.filter(({ action }) => action === 'released').length;
}

const CASES = WAYS.flatMap((way) =>
  way.placements.map(
    (placement) =>
      [
        `on a review of an ${placement} that is ${way.status} ${way.how}`,
        { ...way, placement },
      ] as const,
  ),
);

describe('a gate that asks how its step stands', () => {
  test.each(CASES)(
    '%s changes nothing, whoever asks',
    async (_, { status, placement, gate: about, bring, told }) => {
      const { db } = database;
      const gate = await aGateFor({ ...about, placement });
      await bring(gate);
      expect(await reviewNow(db, gate)).toMatchObject({ status });
      const before = await everything(gate);
      const hasEnded = ['completed', 'unknown'].includes(told);
      for (let again = 0; again < 2; again += 1) {
        for (const caller of strangersTo(gate.stepId)) {
          // What has ended is no secret.
          expect(brief(await checkGate(db, gate.stepId, caller))).toBe(
            hasEnded ? told : 'superseded',
          );
        }
        expect(brief(await check(db, gate))).toBe(told);
      }
      expect(await everything(gate)).toEqual(before);
      await expectConsistent(db, gate.run.id);
    },
  );

  test('covers every status of a review', () => {
    expect(new Set(WAYS.map(({ status }) => status))).toEqual(new Set(REVIEW_STATUSES));
  });

  test('before anybody is asked is told so', async () => {
    const { db } = database;
    const run = await aRunningRun(db, [aBlock('only', { review: aGate() })]);
    const stepId = stepIdOf(run.id, 'only');
    expect(await checkGate(db, stepId, gateOf(stepId))).toEqual({ kind: 'unopened' });
    await takeStep(db, stepId, gateOf(stepId));
    expect(await checkGate(db, stepId, gateOf(stepId))).toEqual({ kind: 'unopened' });
  });

  test('is given the review as the store folds it', async () => {
    const { db } = database;
    const gate = await aParkedGate(db, { groups: [{ group: 'finance', required: 2 }] });
    await vote(db, gate, person('u_ann', 'finance'));
    const facts = (await listFacts(db, gate.review.id)).map(readFact);
    expect(facts).toHaveLength(1);
    expect(await check(db, gate)).toEqual({
      kind: 'waiting',
      waitMs: null,
      gate: {
        reviewId: gate.review.id,
        newestVersionId: gate.review.newestVersionId,
        state: foldReview(gate.review.policy, facts),
      },
    });
  });
});

describe('a release', () => {
  test('of an output ends review, step and run with the approved version, in the transaction of the vote', async () => {
    const { db } = database;
    const gate = await aGateFor({});
    const { newestVersionId: versionId } = gate.review;
    // The answer states the decision; what became of it is for a later read.
    expect(await vote(db, gate, person('u_ann'), { versionId })).toMatchObject({
      kind: 'recorded',
      settled: true,
      review: { status: 'APPROVED', releasedAt: null, rev: 2 },
    });
    const [fact] = await listFacts(db, gate.review.id);
    expect(await reviewNow(db, gate)).toMatchObject({
      status: 'EXECUTED',
      decidedAt: fact?.createdAt,
      releasedAt: fact?.createdAt,
      endedAt: fact?.createdAt,
      rev: 2,
    });
    const step = await db
      .selectFrom('step')
      .selectAll()
      .where('id', '=', gate.stepId)
      .executeTakeFirstOrThrow();
    expect(step).toMatchObject({
      status: 'completed',
      effectiveVersionId: versionId,
      endedAt: A_TIME,
    });
    expect(await getRun(db, gate.run.id)).toMatchObject({ status: 'completed', endedAt: A_TIME });
    expect((await auditOf(db, gate.review.id)).at(-1)).toMatchObject({
      action: 'released',
      actorId: 'countersign',
      runId: gate.run.id,
      detail: { version_id: versionId, step_id: gate.stepId },
    });
    await expectConsistent(db, gate.run.id);
  });

  test('of an input permits the execution, and ends neither review nor step', async () => {
    const { db } = database;
    const gate = await aGateFor({ placement: 'input' });
    await approve(gate);
    expect(await check(db, gate)).toEqual({ kind: 'execute' });
    expect(await reviewNow(db, gate)).toMatchObject({
      status: 'PROCESSING',
      releasedAt: A_TIME,
      endedAt: null,
    });
    const step = await db
      .selectFrom('step')
      .select(['status', 'endedAt', 'attempt'])
      .where('id', '=', gate.stepId)
      .executeTakeFirstOrThrow();
    expect(step).toEqual({ status: 'awaiting_review', endedAt: null, attempt: 0 });
    expect(await getRun(db, gate.run.id)).toMatchObject({ status: 'running' });
  });

  test.each([
    ['output', 'completed'],
    ['input', 'execute'],
  ] as const)('of an %s that is due is told to twenty at once, and entered once', async (...of) => {
    const [placement, told] = of;
    const { db } = database;
    const gate = await aDueGate(placement);
    const answers = await Promise.all(Array.from({ length: 20 }, () => check(db, gate)));
    expect(answers.map(brief)).toEqual(Array.from({ length: 20 }, () => told));
    expect(await releasesOf(gate)).toBe(1);
    await expectConsistent(db, gate.run.id);
  });

  test('holds for the next holder too, who goes on with what was released before', async () => {
    const { db } = database;
    const gate = await aGateFor({ placement: 'input' });
    await approve(gate);
    const released = await reviewNow(db, gate);
    const next = gateOf(gate.stepId, 'next');
    expect(await takeStep(db, gate.stepId, next, true)).toEqual({ kind: 'execute' });
    expect(brief(await check(db, gate))).toBe('superseded');
    expect(await checkGate(db, gate.stepId, next)).toEqual({ kind: 'execute' });
    expect(await reviewNow(db, gate)).toEqual(released);
  });

  test('that is due happens when another workflow takes the step over, too', async () => {
    const { db } = database;
    const gate = await aDueGate('output');
    const next = gateOf(gate.stepId, 'next');
    expect(await takeStep(db, gate.stepId, next, true)).toEqual({
      kind: 'ended',
      end: 'completed',
      run: 'completed',
    });
    expect(await releasesOf(gate)).toBe(1);
    await expectConsistent(db, gate.run.id);
  });

  test('of twenty by twenty workflows is one: that of the holder', async () => {
    const { db } = database;
    const gate = await aDueGate('input');
    const forged = Array.from({ length: 20 }, (_, n) => gateOf(gate.stepId, `forged-${n}`));
    const alone = await Promise.all(forged.map((one) => checkGate(db, gate.stepId, one)));
    expect(alone.map(brief)).toEqual(forged.map(() => 'superseded'));
    expect(await reviewNow(db, gate)).toMatchObject({ status: 'APPROVED' });

    const callers = forged.with(13, gateOf(gate.stepId));
    const answers = await Promise.all(callers.map((one) => checkGate(db, gate.stepId, one)));
    expect(answers.map(brief)).toEqual(
      callers.map((_, n) => (n === 13 ? 'execute' : 'superseded')),
    );
    expect(await releasesOf(gate)).toBe(1);
  });

  test.each(
    RUN_STATUSES.filter((status) => status !== 'running').flatMap((status) =>
      BOTH.map((placement) => [placement, status] as const),
    ),
  )('of an %s never happens in a run that is %s, however due', async (placement, status) => {
    const { db } = database;
    const gate = await aDueGate(placement);
    await setRunStatus(gate, status);
    const before = await everything(gate);
    expect(brief(await check(db, gate))).toBe('waiting');
    expect(await everything(gate)).toEqual(before);
  });

  test('of the last step completes the run, once, whichever of them is the last', async () => {
    const { db } = database;
    for (let round = 0; round < 10; round += 1) {
      const blocks = ['a', 'b', 'c'].map((id) => aBlock(id, { review: aGate() }));
      const run = await aRunningRun(db, blocks);
      const gates = [await park(db, run, 'a'), await park(db, run, 'b'), await park(db, run, 'c')];
      const [last, ...others] = gates;
      await Promise.all(others.map((gate) => vote(db, gate, person('u_ann'))));
      expect(await getRun(db, run.id)).toMatchObject({ status: 'running', endedAt: null });
      await vote(db, last ?? expect.fail('no gate'), person('u_ann'));
      expect(await getRun(db, run.id)).toMatchObject({ status: 'completed', endedAt: A_TIME });
      const ends = await db
        .selectFrom('audit')
        .select('detail')
        .where('runId', '=', run.id)
        .where('action', '=', 'run_ended')
        .execute();
      expect(ends).toEqual([{ detail: { status: 'completed' } }]);
      await expectConsistent(db, run.id);
    }
  });
});

describe('an approved step that is not released', () => {
  test('before its time is told how long to wait, and goes on when that is over', async () => {
    const { db } = database;
    const gate = await aGateFor({ release: { after: '30s' } });
    await approve(gate);
    const waitMs = async (): Promise<number> => {
      const answer = await check(db, gate);
      return answer.kind === 'waiting' && answer.waitMs !== null ? answer.waitMs : Number.NaN;
    };
    const first = await waitMs();
    expect(first).toBeGreaterThan(0);
    expect(first).toBeLessThanOrEqual(30_000);
    await decidedAgo(gate, 20_000);
    expect(await waitMs()).toBeLessThanOrEqual(10_000);
    await decidedAgo(gate, 30_001);
    expect(await check(db, gate)).toEqual({ kind: 'ended', end: 'completed', run: 'completed' });
  });

  test.each(BOTH)(
    'for want of the owner’s word (an %s) goes on in the transaction in which they give it, once',
    async (placement) => {
      const { db } = database;
      const gate = await aGateFor({ placement, release: 'manual' });
      await approve(gate);
      expect(await askForRelease(db, gate, person('u_ann'))).toMatchObject({
        kind: 'refused',
        refusals: [{ code: 'NOT_OWNER' }],
      });
      expect(brief(await check(db, gate))).toBe('waiting');
      const words = await Promise.all(
        Array.from({ length: 10 }, () => askForRelease(db, gate, person(OWNER))),
      );
      expect(words.filter(({ kind }) => kind === 'recorded')).toHaveLength(1);
      for (const word of words.filter(({ kind }) => kind !== 'recorded')) {
        // What is still being executed was asked for before; what has flowed on is over.
        expect(word).toMatchObject(
          placement === 'input'
            ? { kind: 'repeat' }
            : { kind: 'refused', refusals: [{ code: 'ALREADY_RELEASED' }] },
        );
      }
      expect(await reviewNow(db, gate)).toMatchObject({
        status: placement === 'input' ? 'PROCESSING' : 'EXECUTED',
      });
      expect(await releasesOf(gate)).toBe(1);
      await expectConsistent(db, gate.run.id);
    },
  );
});
