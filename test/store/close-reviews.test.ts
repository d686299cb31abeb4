import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stepIdOf } from '../../src/domain/step-ids.js';
import { SYSTEM } from '../../src/store/actors.js';
import { cancelRun } from '../../src/store/cancel-run.js';
import { type Closing, closeReviews } from '../../src/store/close-reviews.js';
import { type Db, inTransaction } from '../../src/store/database.js';
import { endRun } from '../../src/store/end-run.js';
import { beginIterations } from '../../src/store/iterations.js';
import { beginStep, completeStep, finishStep } from '../../src/store/ledger.js';
import { oweFact, recordFact } from '../../src/store/record-fact.js';
import { lockReview } from '../../src/store/reviews.js';
import { lockRun } from '../../src/store/runs.js';
import type { RunRow } from '../../src/store/tables.js';
import { loopOf, runOf } from '../support/callers.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import {
  aBlock,
  aGate,
  aRunningRun,
  check,
  park,
  type ParkedGate,
  person,
  vote,
} from '../support/parked.js';
import { countStatements } from '../support/statements.js';
import { expectConsistent } from './consistency.js';

const ann = person('u_ann', 'finance');
const bob = person('u_bob', 'finance');
const ABOUT = { reason: 'no longer needed', dialect: 'native' } as const;

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const two = aGate({ groups: [{ group: 'finance', required: 2 }] });

/** A run with a review in every state that a review can be in when its run is cancelled. */
async function aVariedRun(db: Db): Promise<RunRow> {
  const names = ['untouched', 'half', 'approved', 'released', 'refused', 'executing'];
  const run = await aRunningRun(
    db,
    names.map((id) =>
      aBlock(id, {
        needs: [],
        review: {
          ...two,
          on_reject: id === 'refused' ? 'continue' : 'cancel_run',
          placement: id === 'executing' ? 'input' : 'output',
        },
      }),
    ),
    { inputs: Object.fromEntries(names.map((id) => [id, { total: 5 }])) },
  );
  const gates = new Map<string, ParkedGate>();
  for (const name of names) {
    gates.set(name, await park(db, run, name, { total: 5 }));
  }
  const gate = (name: string): ParkedGate => gates.get(name) ?? expect.fail(name);
  await vote(db, gate('half'), ann);
  for (const name of ['approved', 'released', 'executing']) {
    await vote(db, gate(name), ann);
    await vote(db, gate(name), bob);
  }
  for (const name of ['released', 'executing']) {
    expect(['execute', 'ended']).toContain((await check(db, gate(name))).kind);
  }
  await vote(db, gate('refused'), ann, { verdict: 'rejected' });
  return run;
}

/** What the one path does for one fact, review after review. */
async function closeOneByOne(db: Db, runId: string, closing: Closing): Promise<void> {
  await inTransaction(db, async (tx) => {
    const run = await lockRun(tx, runId);
    const open = await tx
      .selectFrom('review')
      .select('id')
      .where('runId', '=', runId)
      .where('status', 'in', ['PENDING', 'APPROVED'])
      .orderBy('id')
      .execute();
    for (const { id } of open) {
      const locked = await lockReview(tx, run.projectId, id);
      const recorded = recordFact(
        tx,
        locked ?? expect.fail('no review'),
        SYSTEM,
        { kind: 'cancelled', actorId: SYSTEM.id },
        { reason: closing.reason, dialect: 'system' },
      );
      if (closing.tellsGates) {
        await oweFact(tx, recorded, 0);
      } else {
        await tx
          .updateTable('fact')
          .set({ owed: false })
          .where('id', '=', recorded.row.id)
          .execute();
      }
    }
  });
}

const TABLES = ['review', 'fact', 'entry', 'audit', 'outbox'];

/** Every row about a run's reviews, its made-up parts (ids, times) in words that two runs share. */
async function everything(db: Db, run: RunRow): Promise<unknown> {
  const reviews = await db
    .selectFrom('review')
    .select(['id', 'blockId'])
    .where('runId', '=', run.id)
    .execute();
  const shown: Record<string, unknown> = {};
  for (const table of TABLES) {
    const { rows } = await sql<{ text: string; blockId: string }>`
      select to_jsonb(t)::text as text, review.block_id
        from ${sql.table(table)} t join review on review.id = ${
          table === 'review' ? sql`t.id` : sql`t.review_id`
        }
       where review.run_id = ${run.id} order by review.block_id, ${
         table === 'fact'
           ? sql`t.seq`
           : table === 'entry'
             ? sql`t.position`
             : table === 'review'
               ? sql`1`
               : sql`t.id`
       }`.execute(db);
    shown[table] = rows.map(({ text, blockId }) => [
      blockId,
      JSON.parse(
        reviews
          .reduce((all, { id, blockId: of }) => all.replaceAll(id, `rev of ${of}`), text)
          .replaceAll(run.id, 'the run')
          .replaceAll(run.workflowId, 'the workflow')
          .replaceAll(run.workflowVersionId, 'the version')
          .replaceAll(/"(?:fct|rvr)_[A-Z2-7]+"/g, '"an id"')
          .replaceAll(/"id": (?:\d+|"[0-9a-f-]{36}")/g, '"id": "an id"')
          .replaceAll(/"\d{4}-\d\d-\d\dT[^"]+"/g, '"a time"'),
      ) as unknown,
    ]);
  }
  return shown;
}

describe('closing the reviews of a run', () => {
  test.each([true, false])(
    'leaves the rows that closing them one by one would have left (gates are told: %s)',
    async (tellsGates) => {
      const { db } = database;
      const closing = { stepIds: null, reason: 'enough', tellsGates };
      const [run, other] = [await aVariedRun(db), await aVariedRun(db)];
      await inTransaction(db, async (tx) => {
        await closeReviews(tx, await lockRun(tx, run.id), SYSTEM, closing);
      });
      await closeOneByOne(db, other.id, closing);
      expect(await everything(db, run)).toEqual(await everything(db, other));
      await expectConsistent(db, run.id);
    },
  );

  test('gives all of them one instant, which is when they were locked or later', async () => {
    const { db } = database;
    const run = await aVariedRun(db);
    await cancelRun(db, SYSTEM, run.id, ABOUT, 0);
    const { rows } = await sql<{ instants: number }>`
      select count(distinct instant)::int as instants from (
        select ended_at as instant from review where run_id = ${run.id} and status = 'REVOKED'
        union all select cancelled_at from review where run_id = ${run.id} and cancelled_at is not null
        union all select fact.created_at from fact join review on review.id = fact.review_id
                   where review.run_id = ${run.id} and fact.kind = 'cancelled') closed`.execute(db);
    expect(rows).toEqual([{ instants: 1 }]);
  });
});

describe('the statements that it takes', () => {
  /** A run with a number of open reviews. */
  async function aRunWith(count: number): Promise<readonly ParkedGate[]> {
    const { db } = database;
    const ids = Array.from({ length: count }, (_, index) => `b${index}`);
    const run = await aRunningRun(
      db,
      ids.map((id) => aBlock(id, { needs: [], review: aGate() })),
    );
    const gates: ParkedGate[] = [];
    for (const id of ids) {
      gates.push(await park(db, run, id));
    }
    return gates;
  }

  /** A run whose for_each has one iteration, with a refused gate and open reviews beside it. */
  async function anIterationWith(count: number): Promise<ParkedGate> {
    const { db } = database;
    const ids = Array.from({ length: count }, (_, index) => `b${index}`);
    const body = [
      aBlock('check', { needs: [], review: aGate({ on_reject: 'drop' }) }),
      ...ids.map((id) => aBlock(id, { needs: [], review: aGate() })),
    ];
    const run = await aRunningRun(db, [aBlock('each', { type: 'for_each', body })]);
    const stepId = stepIdOf(run.id, 'each');
    await beginStep(db, stepId, runOf(stepId), 'a test');
    const result = { output: [1], consensus: null, source: null };
    await finishStep(db, { stepId, attemptToken: 'a test', result }, (tx, now) =>
      completeStep(tx, now.run, now.step, null),
    );
    await beginIterations(db, stepId, loopOf(stepId));
    for (const id of ids) {
      await park(db, run, id, undefined, '0');
    }
    const refused = await park(db, run, 'check', undefined, '0');
    return refused;
  }

  const acts: readonly {
    readonly name: string;
    readonly with: (count: number) => Promise<(db: Db) => Promise<unknown>>;
  }[] = [
    {
      name: 'a rejection beside other open reviews',
      with: async (count) => {
        const [gate] = await aRunWith(count);
        return (db) => vote(db, gate ?? expect.fail('no gate'), ann, { verdict: 'rejected' });
      },
    },
    {
      name: 'a cancellation',
      with: async (count) => {
        const [gate] = await aRunWith(count);
        return (db) => cancelRun(db, SYSTEM, gate?.run.id ?? '', ABOUT, 0);
      },
    },
    {
      name: 'the end of a run that failed',
      with: async (count) => {
        const [gate] = await aRunWith(count);
        const end = { kind: 'cancelled' } as const;
        return (db) => endRun(db, gate?.run.id ?? '', end);
      },
    },
    {
      name: 'an iteration that is dropped',
      with: async (count) => {
        const refused = await anIterationWith(count);
        return (db) => vote(db, refused, ann, { verdict: 'rejected' });
      },
    },
  ];

  test.each(acts)('are as many for 60 open reviews as for 3: $name', async (act) => {
    const few = await countStatements(database.db, await act.with(3));
    const { rows: before } = await sql<{ open: number }>`
      select count(*)::int as open from review where status = 'PENDING'`.execute(database.db);
    const work = await act.with(60);
    expect(await countStatements(database.db, work)).toBe(few);
    // They were closed, all of them.
    const { rows: after } = await sql<{ open: number }>`
      select count(*)::int as open from review where status = 'PENDING'`.execute(database.db);
    expect(after).toEqual(before);
  });
});
