import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Gate } from '../../src/domain/definition.js';
import { REVIEW_STATUSES, RUN_STATUSES, type RunStatus } from '../../src/domain/statuses.js';
import { SYSTEM } from '../../src/store/actors.js';
import { addVersion } from '../../src/store/add-version.js';
import { cancelRun } from '../../src/store/cancel-run.js';
import {
  type ClaimAnswer,
  type ClaimRequest,
  claimRelease,
  takeStep,
} from '../../src/store/gates.js';
import { beginStep, completeStep, failAttempt, finishStep } from '../../src/store/ledger.js';
import { stepIdOf } from '../../src/domain/step-ids.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import {
  aBlock,
  aGate,
  aParkedGate,
  aRunningRun,
  askForRelease,
  claim,
  type ParkedGate,
  person,
  reviewNow,
  vote,
  withdraw,
} from '../support/parked.js';
import { auditOf, expectConsistent } from './consistency.js';

const A_TIME: unknown = expect.any(Date);
const A_FACT_ID: unknown = expect.stringMatching(/^fct_[A-Z2-7]{26}$/);

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

const approve = async (gate: ParkedGate): Promise<void> => {
  const versionId = gate.review.newestVersionId;
  await vote(database.db, gate, person('u_ann'), { versionId });
};
const releaseAndClaim = async (gate: ParkedGate): Promise<void> => {
  await approve(gate);
  await askForRelease(database.db, gate, person(OWNER));
  await database.db
    .updateTable('review')
    .set({ decidedAt: sql`decided_at - interval '1 hour'` })
    .where('id', '=', gate.review.id)
    .execute();
  expect(await claim(database.db, gate)).toMatchObject({ granted: true });
};
const cancelItsRun = async (gate: ParkedGate): Promise<void> => {
  const about = { reason: 'enough', dialect: 'native' as const };
  await cancelRun(database.db, SYSTEM, gate.run.id, about, 0);
};
const execute = async (gate: ParkedGate): Promise<void> => {
  const { db } = database;
  await beginStep(db, gate.stepId, gate.holder, 'once');
  const result = { output: {}, consensus: null, source: null };
  await finishStep(db, { stepId: gate.stepId, attemptToken: 'once', result }, (tx, { step }) =>
    completeStep(tx, step, null),
  );
};

/** How a review came to its status, and what the store then says to any claim by its holder. */
type Way = {
  readonly status: (typeof REVIEW_STATUSES)[number];
  readonly how: string;
  readonly placements: readonly Gate['placement'][];
  readonly bring: (gate: ParkedGate) => Promise<void>;
  /** Whatever is claimed, and whatever the run is at; null where that matters. */
  readonly answer: ClaimAnswer | 'granted again' | 'not_decided' | null;
};
const BOTH = ['output', 'input'] as const;
const rejected: ClaimAnswer = { granted: true, outcome: 'rejected' };
const WAYS: readonly Way[] = [
  {
    status: 'PENDING',
    how: 'that nobody has decided',
    placements: BOTH,
    bring: async () => {},
    answer: 'not_decided',
  },
  { status: 'APPROVED', how: 'by a vote', placements: BOTH, bring: approve, answer: null },
  {
    status: 'REJECTED',
    how: 'by a vote',
    placements: BOTH,
    bring: async (gate) => {
      await vote(database.db, gate, person('u_ann'), { verdict: 'rejected' });
    },
    answer: rejected,
  },
  {
    status: 'REVOKED',
    how: 'by its owner after it was approved',
    placements: BOTH,
    bring: async (gate) => {
      await approve(gate);
      await withdraw(database.db, gate, person(OWNER));
    },
    answer: rejected,
  },
  {
    status: 'REVOKED',
    how: 'with its run after it was approved',
    placements: BOTH,
    bring: async (gate) => {
      await approve(gate);
      await cancelItsRun(gate);
    },
    answer: rejected,
  },
  {
    status: 'REVOKED',
    how: 'with its run while it was undecided',
    placements: BOTH,
    bring: cancelItsRun,
    answer: { granted: true, outcome: 'cancelled' },
  },
  {
    status: 'PROCESSING',
    how: 'by a claim',
    placements: ['input'],
    bring: releaseAndClaim,
    answer: 'granted again',
  },
  {
    status: 'EXECUTED',
    how: 'by a claim, and executed where it is an input',
    placements: BOTH,
    bring: async (gate) => {
      await releaseAndClaim(gate);
      if (gate.review.placement === 'input') {
        await execute(gate);
      }
    },
    answer: 'granted again',
  },
  {
    status: 'UNKNOWN',
    how: 'after its block kept silent',
    placements: ['input'],
    bring: async (gate) => {
      await releaseAndClaim(gate);
      await beginStep(database.db, gate.stepId, gate.holder, 'once');
      await failAttempt(database.db, gate.stepId, 'once', 'no answer', true);
    },
    answer: 'granted again',
  },
];

/** When an approved step may go on; `null`: at once. */
type ReleaseKind = {
  readonly release: string;
  readonly gate: Partial<Gate>;
  readonly prepare: (gate: ParkedGate) => Promise<void>;
  readonly why: 'awaiting_release' | 'not_yet' | null;
};
const RELEASES: readonly ReleaseKind[] = [
  { release: 'auto', gate: { release: 'auto' }, prepare: async () => {}, why: null },
  {
    release: 'manual, not asked for',
    gate: { release: 'manual' },
    prepare: async () => {},
    why: 'awaiting_release',
  },
  {
    release: 'manual, asked for',
    gate: { release: 'manual' },
    prepare: async (gate) => {
      await askForRelease(database.db, gate, person(OWNER));
    },
    why: null,
  },
  {
    release: 'after an hour that is not over',
    gate: { release: { after: '1h' } },
    prepare: async () => {},
    why: 'not_yet',
  },
  {
    release: 'after an hour that is over',
    gate: { release: { after: '1h' } },
    prepare: async (gate) => {
      await database.db
        .updateTable('review')
        .set({ decidedAt: sql`decided_at - interval '1 hour'` })
        .where('id', '=', gate.review.id)
        .execute();
    },
    why: null,
  },
];

type Claimed = { readonly isTrue: boolean; readonly claim: Partial<ClaimRequest> };

/** What may be claimed of a gate; only the first is true of one whose seed was approved. */
async function claimsOn(gate: ParkedGate): Promise<readonly Claimed[]> {
  const { newestVersionId } = await reviewNow(database.db, gate);
  const seedId = gate.review.newestVersionId;
  expect(newestVersionId).not.toBe(seedId);
  return [
    { isTrue: true, claim: { status: 'APPROVED', versionId: seedId } },
    { isTrue: false, claim: { status: 'APPROVED', versionId: newestVersionId } },
    { isTrue: false, claim: { status: 'APPROVED', versionId: null } },
    { isTrue: false, claim: { status: 'REJECTED', versionId: seedId } },
    { isTrue: false, claim: { status: 'REVOKED', versionId: null } },
    { isTrue: false, claim: { status: 'EXECUTED', versionId: seedId } },
  ];
}

/** All rows that a claim may change. */
async function everything(gate: ParkedGate): Promise<unknown> {
  const { db } = database;
  const step = await db.selectFrom('step').selectAll().where('id', '=', gate.stepId).execute();
  return [await reviewNow(db, gate), step, await auditOf(db, gate.review.id)];
}

const brief = (answer: ClaimAnswer): string => (answer.granted ? answer.outcome : answer.why);

async function setRunStatus(gate: ParkedGate, status: RunStatus): Promise<void> {
  await database.db.updateTable('run').set({ status }).where('id', '=', gate.run.id).execute();
}

/** Only an approval can be waited with; to whatever else a release says nothing. */
const CASES = WAYS.flatMap((way) =>
  way.placements.flatMap((placement) =>
    RELEASES.filter(({ release }) => way.status === 'APPROVED' || release === 'auto').map(
      (release) =>
        [
          `on a review of an ${placement} that is ${way.status} ${way.how}, to be released ${release.release}`,
          { ...way, ...release, placement },
        ] as const,
    ),
  ),
);

describe('a claim', () => {
  test.each(CASES)(
    '%s',
    async (_, { status, placement, gate: about, bring, prepare, why, answer }) => {
      const { db } = database;
      const gate = await aGateFor({ ...about, placement });
      await bring(gate);
      await prepare(gate);
      expect(await reviewNow(db, gate)).toMatchObject({ status });
      const { status: runStatus } = await db
        .selectFrom('run')
        .select('status')
        .where('id', '=', gate.run.id)
        .executeTakeFirstOrThrow();
      const before = await everything(gate);
      const claims = await claimsOn(gate);

      for (const holder of ['somebody else', `${gate.stepId}~0`]) {
        expect(await claim(db, gate, { holder })).toEqual({
          granted: false,
          why: 'superseded',
          waitMs: null,
          gate: null,
        });
      }
      const grant = placement === 'input' ? 'execute' : 'released';
      for (const at of RUN_STATUSES) {
        await setRunStatus(gate, at);
        const asked = claims.filter(
          // One is granted: below.
          ({ isTrue }) => !(isTrue && answer === null && at === 'running' && why === null),
        );
        const answers = await Promise.all(asked.map((one) => claim(db, gate, one.claim)));
        expect(answers.map(brief), `in a run that is ${at}`).toEqual(
          asked.map(({ isTrue }) => {
            if (answer !== null) {
              return answer === 'granted again'
                ? grant
                : answer === 'not_decided'
                  ? answer
                  : brief(answer);
            }
            if (!isTrue) {
              return 'decided_otherwise';
            }
            return at === 'running' ? why : 'run_not_running';
          }),
        );
      }
      expect(await everything(gate)).toEqual(before);

      if (answer === null && why === null) {
        await setRunStatus(gate, 'running');
        expect(brief(await claim(db, gate))).toBe(grant);
        expect(await reviewNow(db, gate)).toMatchObject({
          status: placement === 'input' ? 'PROCESSING' : 'EXECUTED',
        });
      }
      await setRunStatus(gate, runStatus);
      await expectConsistent(db, gate.run.id);
    },
  );

  test('covers every status of a review', () => {
    expect(new Set(WAYS.map(({ status }) => status))).toEqual(new Set(REVIEW_STATUSES));
  });
});

describe('a granted claim', () => {
  test('on an output ends review and step with the approved version, once', async () => {
    const { db } = database;
    const gate = await aGateFor({});
    await approve(gate);
    expect(await claim(db, gate)).toEqual({ granted: true, outcome: 'released' });
    const review = await reviewNow(db, gate);
    expect(review).toMatchObject({
      status: 'EXECUTED',
      claimedBy: gate.holder,
      claimedAt: A_TIME,
      endedAt: review.claimedAt,
      rev: 3,
    });
    const step = await db
      .selectFrom('step')
      .selectAll()
      .where('id', '=', gate.stepId)
      .executeTakeFirstOrThrow();
    expect(step).toMatchObject({
      status: 'completed',
      effectiveVersionId: gate.review.newestVersionId,
      endedAt: A_TIME,
    });
    expect((await auditOf(db, gate.review.id)).at(-1)).toMatchObject({
      action: 'release_claimed',
      actorId: 'countersign',
      runId: gate.run.id,
      detail: { version_id: gate.review.newestVersionId, holder: gate.holder },
    });
  });

  test('on an input permits the execution, and ends neither review nor step', async () => {
    const { db } = database;
    const gate = await aGateFor({ placement: 'input' });
    await approve(gate);
    expect(await claim(db, gate)).toEqual({ granted: true, outcome: 'execute' });
    expect(await reviewNow(db, gate)).toMatchObject({
      status: 'PROCESSING',
      claimedBy: gate.holder,
      endedAt: null,
    });
    const step = await db
      .selectFrom('step')
      .select(['status', 'endedAt'])
      .where('id', '=', gate.stepId)
      .executeTakeFirstOrThrow();
    expect(step).toEqual({ status: 'awaiting_review', endedAt: null });
  });

  test.each(['output', 'input'] as const)(
    'on an %s is granted to twenty retries at once, and entered once',
    async (placement) => {
      const { db } = database;
      const gate = await aGateFor({ placement });
      await approve(gate);
      const answers = await Promise.all(Array.from({ length: 20 }, () => claim(db, gate)));
      const outcome = placement === 'input' ? 'execute' : 'released';
      expect(answers).toEqual(Array.from({ length: 20 }, () => ({ granted: true, outcome })));
      const claims = (await auditOf(db, gate.review.id)).filter(
        ({ action }) => action === 'release_claimed',
      );
      expect(claims).toHaveLength(1);
      await expectConsistent(db, gate.run.id);
    },
  );

  test('is granted to the next holder too, who goes on with what the one before had claimed', async () => {
    const { db } = database;
    const gate = await aGateFor({ placement: 'input' });
    await approve(gate);
    await claim(db, gate);
    const claimed = await reviewNow(db, gate);
    const startedAt = new Date(Date.now() + 60_000).toISOString();
    await takeStep(db, gate.stepId, { workflowId: 'younger', startedAt });
    expect(brief(await claim(db, gate))).toBe('superseded');
    expect(await claim(db, gate, { holder: 'younger' })).toEqual({
      granted: true,
      outcome: 'execute',
    });
    expect(await reviewNow(db, gate)).toEqual(claimed);
  });

  test('of twenty by twenty workflows is one: that of the holder', async () => {
    const { db } = database;
    const gate = await aGateFor({});
    await approve(gate);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        claim(db, gate, { holder: n === 13 ? gate.holder : `forged-${n}` }),
      ),
    );
    expect(answers.map(brief)).toEqual(
      Array.from({ length: 20 }, (_, n) => (n === 13 ? 'released' : 'superseded')),
    );
    expect(await reviewNow(db, gate)).toMatchObject({ claimedBy: gate.holder });
  });
});

describe('a refused claim', () => {
  test('brings the facts as the store has them', async () => {
    const { db } = database;
    const gate = await aParkedGate(db, { groups: [{ group: 'finance', required: 2 }] });
    await vote(db, gate, person('u_ann', 'finance'));
    const { policy } = gate.review;
    expect(await claim(db, gate)).toEqual({
      granted: false,
      why: 'not_decided',
      waitMs: null,
      gate: {
        reviewId: gate.review.id,
        policy,
        newestVersionId: gate.review.newestVersionId,
        facts: [
          {
            kind: 'vote',
            seq: 1,
            id: A_FACT_ID,
            reviewerId: 'u_ann',
            versionId: gate.review.newestVersionId,
            verdict: 'approved',
            fills: ['group:finance#1', 'group:finance#2'],
            forced: false,
            actingFor: null,
          },
        ],
      },
    });
  });

  test('of a step whose gate has not opened says that nothing is decided', async () => {
    const { db } = database;
    const run = await aRunningRun(db, [aBlock('only', { review: aGate() })]);
    const stepId = stepIdOf(run.id, 'only');
    await takeStep(db, stepId, { workflowId: 'w', startedAt: new Date().toISOString() });
    const asked = { stepId, holder: 'w', status: 'APPROVED', versionId: 'rvr_X' } as const;
    expect(await claimRelease(db, asked)).toEqual({
      granted: false,
      why: 'not_decided',
      waitMs: null,
      gate: null,
    });
  });

  test('before its time says how long to wait, and is granted when that is over', async () => {
    const { db } = database;
    const gate = await aGateFor({ release: { after: '30s' } });
    await approve(gate);
    const refused = await claim(db, gate);
    expect(refused).toMatchObject({ granted: false, why: 'not_yet' });
    const waitMs = refused.granted ? null : refused.waitMs;
    expect(waitMs).toBeGreaterThan(0);
    expect(waitMs).toBeLessThanOrEqual(30_000);

    const decidedAgo = async (ms: number): Promise<void> => {
      await db
        .updateTable('review')
        .set({ decidedAt: sql`clock_timestamp() - ${ms} * interval '1 ms'` })
        .where('id', '=', gate.review.id)
        .execute();
    };
    await decidedAgo(20_000);
    const sooner = await claim(db, gate);
    expect(sooner.granted ? null : sooner.waitMs).toBeLessThanOrEqual(10_000);
    await decidedAgo(30_001);
    expect(await claim(db, gate)).toEqual({ granted: true, outcome: 'released' });
  });

  test('for want of the owner’s word is granted once they have given it, and the word is told to the workflow', async () => {
    const { db } = database;
    const gate = await aGateFor({ release: 'manual' });
    await approve(gate);
    expect(await claim(db, gate)).toMatchObject({ granted: false, why: 'awaiting_release' });
    expect(await askForRelease(db, gate, person('u_ann'))).toMatchObject({
      kind: 'refused',
      refusals: [{ code: 'NOT_OWNER' }],
    });
    const words = await Promise.all(
      Array.from({ length: 10 }, () => askForRelease(db, gate, person(OWNER))),
    );
    expect(words.map(({ kind }) => kind).toSorted()).toEqual([
      'recorded',
      ...Array.from({ length: 9 }, () => 'repeat'),
    ]);
    expect(await claim(db, gate)).toEqual({ granted: true, outcome: 'released' });
    await expectConsistent(db, gate.run.id);
  });
});
