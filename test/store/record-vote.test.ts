import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { Gate } from '../../src/domain/definition.js';
import { standingVotes } from '../../src/domain/tally.js';
import { type Actor, SYSTEM } from '../../src/store/actors.js';
import { addVersion } from '../../src/store/add-version.js';
import { cancelRun } from '../../src/store/cancel-run.js';
import { type Database, openDatabase } from '../../src/store/database.js';
import { beginStep, completeStep, finishStep } from '../../src/store/ledger.js';
import type { VoteResult } from '../../src/store/record-vote.js';
import { listEntries, listFacts, readFact } from '../../src/store/reviews.js';
import { getRun } from '../../src/store/runs.js';
import { gateOf } from '../support/callers.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import {
  aBlock,
  aGate,
  aParkedGate,
  aRunningRun,
  asObject,
  check,
  members,
  park,
  type ParkedGate,
  person,
  reviewNow,
  SNAPSHOT,
  vote,
  withdraw,
} from '../support/parked.js';
import { auditOf, expectConsistent } from './consistency.js';
import { closeAndCountDeadlocks, raceAll } from './races.js';

const A_TIME: unknown = expect.any(Date);
const A_FACT_ID: unknown = expect.stringMatching(/^fct_[A-Z2-7]{26}$/);

let database: TestDatabase;
let server: Database;
beforeAll(async () => {
  database = await createTestDatabase();
  server = openDatabase(inject('postgresUrl'), { maxConnections: 1 });
});
afterAll(async () => {
  // Everybody locks the run first, so there is nothing to be dead-locked over, retried or not.
  expect(await closeAndCountDeadlocks(database, server.db)).toBe(0);
  await server.close();
  await database.drop();
});

const TWENTY = 20;
const ofFinance = (required: number): Partial<Gate> => ({
  groups: [{ group: 'finance', required }],
});
const kinds = (results: readonly VoteResult[]): readonly string[] =>
  results.map(({ kind }) => kind).toSorted();
const settledBy = (results: readonly VoteResult[]): number =>
  results.filter((result) => 'settled' in result && result.settled).length;
const say = (result: VoteResult): string =>
  result.kind === 'refused'
    ? result.refusals.map(({ code }) => code).join('+')
    : result.kind === 'not_found' || result.kind === 'signed_out'
      ? result.kind
      : result.kind === 'recorded'
        ? `recorded${result.settled ? ' settled' : ''}${result.late ? ' late' : ''}`
        : `${result.kind}${result.review.status === 'PENDING' ? '' : ' late'}`;
const codes = (result: VoteResult): readonly string[] =>
  result.kind === 'refused' ? result.refusals.map(({ code }) => code) : [];
const correct = async (
  gate: ParkedGate,
  actor: Actor,
  total: number,
  parentId = gate.review.newestVersionId,
): Promise<string> => {
  const added = await addVersion(database.db, actor, gate.review.id, {
    parentId,
    snapshot: { ...SNAPSHOT, total },
    note: null,
    origin: 'human_edit',
    acknowledgedVersionIds: [],
  });
  if (!('version' in added)) {
    throw new Error(`the correction was not taken: ${added.kind}`);
  }
  return added.version.id;
};

describe('twenty votes at once', () => {
  test('of twenty people are all recorded, densely numbered from 1, and one of them settles the review', async () => {
    const { db } = database;
    const gate = await aParkedGate(db, ofFinance(TWENTY));
    const people = members('finance', TWENTY);
    const results = await Promise.all(people.map((one) => vote(db, gate, one)));

    expect(kinds(results)).toEqual(Array.from({ length: TWENTY }, () => 'recorded'));
    expect(settledBy(results)).toBe(1);
    const facts = await listFacts(db, gate.review.id);
    expect(facts.map(({ seq }) => seq)).toEqual(Array.from({ length: TWENTY }, (_, n) => n + 1));
    expect(facts.map(({ actorId }) => actorId).toSorted()).toEqual(
      people.map(({ id }) => id).toSorted(),
    );
    expect(await reviewNow(db, gate)).toMatchObject({
      status: 'EXECUTED',
      decisionSeq: TWENTY,
      decidedBy: facts.at(-1)?.actorId,
    });
    await expectConsistent(db, gate.run.id);
  });

  test('where seven would do: seven are recorded, the seventh settles it, and the others find it decided so', async () => {
    const { db } = database;
    const gate = await aParkedGate(db, ofFinance(7));
    const results = await Promise.all(members('finance', TWENTY).map((one) => vote(db, gate, one)));

    expect(kinds(results).filter((kind) => kind === 'recorded')).toHaveLength(7);
    expect(kinds(results).filter((kind) => kind === 'already')).toHaveLength(13);
    expect(settledBy(results)).toBe(1);
    expect(await reviewNow(db, gate)).toMatchObject({ status: 'EXECUTED', decisionSeq: 7, rev: 7 });
    await expectConsistent(db, gate.run.id);
  });

  test('of the same person are one vote, and nineteen repeats that change nothing', async () => {
    const { db } = database;
    const gate = await aParkedGate(db, ofFinance(2));
    const results = await Promise.all(
      Array.from({ length: TWENTY }, () => vote(db, gate, person('u_ann', 'finance'))),
    );

    expect(kinds(results)).toEqual([
      'recorded',
      ...Array.from({ length: TWENTY - 1 }, () => 'repeat'),
    ]);
    expect(settledBy(results)).toBe(0);
    for (const result of results) {
      expect(result).toMatchObject({ review: { status: 'PENDING', rev: 1, seq: 1 } });
    }
    expect(await listFacts(db, gate.review.id)).toHaveLength(1);
    await expectConsistent(db, gate.run.id);
  });

  test('for four versions never add up across versions, and the first with enough is the decision', async () => {
    const { db } = database;
    const gate = await aParkedGate(db, ofFinance(5));
    const people = members('finance', TWENTY);
    const ids = [gate.review.newestVersionId];
    for (const [index, one] of people.slice(0, 3).entries()) {
      ids.push(await correct(gate, one, 100 + index));
    }
    const results = await Promise.all(
      people.map((one, index) => vote(db, gate, one, { versionId: ids[index % 4] ?? null })),
    );

    expect(settledBy(results)).toBe(1);
    const review = await reviewNow(db, gate);
    expect(review.status).toBe('EXECUTED');
    const facts = await listFacts(db, gate.review.id);
    const count = (id: string): number => facts.filter(({ versionId }) => versionId === id).length;
    for (const id of ids) {
      expect(count(id)).toBeLessThanOrEqual(id === review.decisionVersionId ? 5 : 4);
    }
    expect(count(review.decisionVersionId ?? '')).toBe(5);
    const refused = results.filter(({ kind }) => kind === 'refused');
    expect(refused).toHaveLength(TWENTY - facts.length);
    for (const result of refused) {
      expect(codes(result)).toEqual(['REVIEW_DECIDED']);
    }
    await expectConsistent(db, gate.run.id);
  });

  test('of one person for twenty versions are all kept, and only the last of them stands', async () => {
    const { db } = database;
    const gate = await aParkedGate(db, ofFinance(2));
    const ids = [gate.review.newestVersionId];
    for (let n = 1; n < TWENTY; n += 1) {
      ids.push(await correct(gate, person('u_bob', 'finance'), n * 1_000));
    }
    const results = await Promise.all(
      ids.map((versionId) => vote(db, gate, person('u_ann', 'finance'), { versionId })),
    );

    expect(kinds(results)).toEqual(Array.from({ length: TWENTY }, () => 'recorded'));
    const facts = (await listFacts(db, gate.review.id)).map(readFact);
    const votes = facts.filter((fact) => fact.kind === 'vote');
    expect(new Set(votes.map(({ versionId }) => versionId)).size).toBe(TWENTY);
    expect(standingVotes(votes).map(({ seq }) => seq)).toEqual([TWENTY]);
    expect(await reviewNow(db, gate)).toMatchObject({ status: 'PENDING' });
    await expectConsistent(db, gate.run.id);
  });

  test('of ten who approve and ten who reject settle the review once, and the run obeys the store', async () => {
    const { db } = database;
    const gate = await aParkedGate(db, ofFinance(3));
    const results = await Promise.all(
      members('finance', TWENTY).map((one, index) =>
        vote(db, gate, one, { verdict: index % 2 === 0 ? 'approved' : 'rejected' }),
      ),
    );

    expect(settledBy(results)).toBe(1);
    const { status } = await reviewNow(db, gate);
    expect(['EXECUTED', 'REJECTED']).toContain(status);
    expect(await getRun(db, gate.run.id)).toMatchObject({
      status: status === 'EXECUTED' ? 'completed' : 'cancelling',
    });
    await expectConsistent(db, gate.run.id);
  });
});

describe('races for one run', { timeout: 90_000 }, () => {
  const lookAt = async (...gates: readonly ParkedGate[]): Promise<string> => {
    const { db } = database;
    const words: string[] = [];
    for (const gate of gates) {
      const review = await reviewNow(db, gate);
      const { ordinal } =
        review.decisionVersionId === null
          ? { ordinal: '-' }
          : await db
              .selectFrom('version')
              .select('ordinal')
              .where('id', '=', review.decisionVersionId)
              .executeTakeFirstOrThrow();
      const { status } = await db
        .selectFrom('step')
        .select('status')
        .where('id', '=', gate.stepId)
        .executeTakeFirstOrThrow();
      words.push(`review ${review.status} ${review.verdict} of ${ordinal}, step ${status}`);
    }
    const [first] = gates;
    words.push(`run ${first === undefined ? '' : (await getRun(db, first.run.id)).status}`);
    return words.join(', ');
  };
  const afterwards = (runId: string): Promise<void> => expectConsistent(database.db, runId);
  const sayCheck = async (gate: ParkedGate): Promise<string> => {
    const answer = await check(database.db, gate);
    return answer.kind === 'ended' ? answer.end : answer.kind;
  };
  /** An approved gate whose time to undo is over: the next who asks as its holder releases it. */
  const aDueGate = async (about: Partial<Gate> = {}, parked?: ParkedGate): Promise<ParkedGate> => {
    const { db } = database;
    const gate =
      parked ??
      (await aParkedGate(
        db,
        { release: { after: '1h' }, ...about },
        { run: { ownerId: 'u_owner' } },
      ));
    await vote(db, gate, person('u_ann'));
    await db
      .updateTable('review')
      .set({ decidedAt: sql`decided_at - interval '1 hour'` })
      .where('id', '=', gate.review.id)
      .execute();
    return gate;
  };
  const cancel = async (gate: ParkedGate): Promise<string> => {
    const about = { reason: 'not needed any more', dialect: 'native' as const };
    const { run } = await cancelRun(database.db, SYSTEM, gate.run.id, about, 0);
    return run.status;
  };

  test('a vote, a cancellation of the run and a question of the gate end as in one order or another, and never half', async () => {
    const { db } = database;
    const { possible, seen } = await raceAll(
      db,
      ['vote', 'cancel', 'check'],
      async () => {
        const gate = await aParkedGate(db);
        return {
          runId: gate.run.id,
          acts: {
            vote: async () => say(await vote(db, gate, person('u_ann'))),
            cancel: () => cancel(gate),
            check: () => sayCheck(gate),
          },
          look: () => lookAt(gate),
        };
      },
      { rounds: 6, afterwards },
    );
    const revoked = 'review REVOKED null of -, step awaiting_review, run cancelling';
    const released = 'review EXECUTED approved of 0, step completed, run completed';
    expect([...possible].toSorted()).toEqual([
      `vote: REVIEW_CANCELLED; cancel: cancelling; check: stopped; ${revoked}`,
      `vote: REVIEW_CANCELLED; cancel: cancelling; check: waiting; ${revoked}`,
      `vote: recorded settled; cancel: completed; check: completed; ${released}`,
      `vote: recorded settled; cancel: completed; check: waiting; ${released}`,
    ]);
    expect(seen.size).toBeGreaterThan(1);
  });

  test('of an approved step, a release, a cancellation and a withdrawal exclude each other', async () => {
    const { db } = database;
    const { possible, seen } = await raceAll(
      db,
      ['withdraw', 'cancel', 'check'],
      async () => {
        const gate = await aDueGate();
        return {
          runId: gate.run.id,
          acts: {
            withdraw: async () => say(await withdraw(db, gate, person('u_owner'))),
            cancel: () => cancel(gate),
            check: () => sayCheck(gate),
          },
          look: () => lookAt(gate),
        };
      },
      { rounds: 2, afterwards },
    );
    for (const outcome of possible) {
      const isReleased = outcome.includes('check: completed');
      expect(outcome.includes('review EXECUTED')).toBe(isReleased);
      expect(outcome.includes('run completed')).toBe(isReleased);
      expect(outcome.includes('review REVOKED')).toBe(!isReleased);
    }
    expect(seen.size).toBeGreaterThan(1);
  });

  test('an approved input that was released is executed whatever comes; one that was not is revoked', async () => {
    const { db } = database;
    const { possible, seen } = await raceAll(
      db,
      ['reject', 'cancel', 'check'],
      async () => {
        const gate = await aDueGate({ placement: 'input' });
        return {
          runId: gate.run.id,
          acts: {
            reject: async () => {
              const how = { verdict: 'rejected', mayWithdraw: true } as const;
              return say(await vote(db, gate, person('u_owner'), how));
            },
            cancel: () => cancel(gate),
            check: () => sayCheck(gate),
          },
          look: () => lookAt(gate),
        };
      },
      { rounds: 2, afterwards },
    );
    for (const outcome of possible) {
      expect(outcome.includes('review PROCESSING')).toBe(outcome.includes('check: execute'));
      expect(/review (REVOKED|REJECTED)/.test(outcome)).toBe(!outcome.includes('check: execute'));
    }
    expect(seen.size).toBeGreaterThan(1);
  });

  test('of two rejections and a late approval one decides, and the run is cancelled once', async () => {
    const { db } = database;
    const { seen } = await raceAll(
      db,
      ['one', 'other', 'approval'],
      async () => {
        const gate = await aParkedGate(db, ofFinance(2));
        const [ann, bob, cid] = [1, 2, 3].map((n) => person(`u_${n}`, 'finance'));
        const cast = async (who: Actor | undefined, verdict: 'approved' | 'rejected') =>
          who === undefined ? '' : say(await vote(db, gate, who, { verdict }));
        return {
          runId: gate.run.id,
          acts: {
            one: () => cast(ann, 'rejected'),
            other: () => cast(bob, 'rejected'),
            approval: () => cast(cid, 'approved'),
          },
          look: async () => {
            const cancels = await db
              .selectFrom('outbox')
              .select('id')
              .where('runId', '=', gate.run.id)
              .where('kind', '=', 'cancel')
              .execute();
            return `${await lookAt(gate)}, ${cancels.length} cancel owed`;
          },
        };
      },
      { rounds: 2, afterwards },
    );
    expect(seen.size).toBeGreaterThan(1);
    for (const outcome of seen) {
      expect(outcome).toContain('review REJECTED rejected of 0, step awaiting_review');
      expect(outcome).toContain('run cancelling, 1 cancel owed');
    }
  });

  test('a rejection in one gate and a release of its sibling leave the sibling released or revoked', async () => {
    const { db } = database;
    const { seen } = await raceAll(
      db,
      ['reject', 'check', 'approve'],
      async () => {
        const blocks = [
          aBlock('a', { review: aGate() }),
          aBlock('b', { review: aGate({ release: { after: '1h' } }) }),
          aBlock('c', { review: aGate() }),
        ];
        const run = await aRunningRun(db, blocks);
        const [a, b, c] = [
          await park(db, run, 'a'),
          await park(db, run, 'b'),
          await park(db, run, 'c'),
        ];
        await aDueGate({}, b);
        return {
          runId: run.id,
          acts: {
            reject: async () => say(await vote(db, a, person('u_bob'), { verdict: 'rejected' })),
            check: () => sayCheck(b),
            approve: async () => say(await vote(db, c, person('u_bob'))),
          },
          look: () => lookAt(a, b, c),
        };
      },
      { rounds: 2, afterwards },
    );
    expect(seen.size).toBeGreaterThan(1);
    for (const outcome of seen) {
      expect(outcome).toContain('run cancelling');
    }
  });

  test('approvals of "the newest version" name the one that was newest when they were recorded', async () => {
    const { db } = database;
    const { seen } = await raceAll(
      db,
      ['correct', 'one', 'other'],
      async () => {
        const gate = await aParkedGate(db, ofFinance(2));
        const [ann, bob, cid] = [1, 2, 3].map((n) => person(`u_${n}`, 'finance'));
        const approve = async (who: Actor | undefined) =>
          who === undefined ? '' : say(await vote(db, gate, who));
        return {
          runId: gate.run.id,
          acts: {
            correct: async () => {
              const added = await addVersion(db, cid ?? SYSTEM, gate.review.id, {
                parentId: gate.review.newestVersionId,
                snapshot: { total: 6 },
                note: null,
                origin: 'human_edit',
                acknowledgedVersionIds: [],
              });
              return added.kind;
            },
            one: () => approve(ann),
            other: () => approve(bob),
          },
          look: () => lookAt(gate),
        };
      },
      { rounds: 2, afterwards },
    );
    expect(seen.size).toBeGreaterThan(1);
  });
});

describe('a repeat', () => {
  /** Everything that the store holds of a run. */
  const all = async (gate: ParkedGate): Promise<unknown> => {
    const { db } = database;
    const rowsOf = (table: 'review' | 'outbox' | 'audit') =>
      db.selectFrom(table).selectAll().where('runId', '=', gate.run.id).orderBy('id').execute();
    return [
      await getRun(db, gate.run.id),
      await rowsOf('review'),
      await rowsOf('outbox'),
      await rowsOf('audit'),
      await listFacts(db, gate.review.id),
      [...(await listEntries(db, [gate.review.id])).values()],
    ];
  };

  test('of the same vote gets the first answer and changes nothing, before a decision and after it', async () => {
    const { db } = database;
    const gate = await aParkedGate(db, ofFinance(2));
    const [ann, bob] = [person('u_ann', 'finance'), person('u_bob', 'finance')];
    await vote(db, gate, ann);
    const before = await all(gate);
    expect(await vote(db, gate, ann, { reason: 'again', leaseMs: 5_000 })).toMatchObject({
      kind: 'repeat',
    });
    expect(await all(gate)).toEqual(before);

    await vote(db, gate, bob);
    const decided = await all(gate);
    for (const one of [ann, bob]) {
      expect(await vote(db, gate, one)).toMatchObject({
        kind: 'repeat',
        review: { status: 'EXECUTED', decidedBy: 'u_bob' },
      });
    }
    expect(await all(gate)).toEqual(decided);
  });

  test('by somebody else of what was decided changes nothing, and another verdict or version is refused', async () => {
    const { db } = database;
    const gate = await aParkedGate(db, ofFinance(1));
    const second = await correct(gate, person('u_ann', 'finance'), 6);
    await vote(db, gate, person('u_ann', 'finance'), { versionId: second });
    const decided = await all(gate);

    const bob = person('u_bob', 'finance');
    expect(await vote(db, gate, bob, { versionId: second })).toMatchObject({
      kind: 'already',
    });
    for (const other of [
      { versionId: gate.review.newestVersionId },
      { versionId: second, verdict: 'rejected' as const },
    ]) {
      expect(await vote(db, gate, bob, other)).toMatchObject({
        kind: 'refused',
        refusals: [{ code: 'REVIEW_DECIDED', status: 'EXECUTED', versionId: second }],
      });
    }
    expect(await all(gate)).toEqual(decided);
  });

  test('of a withdrawal gets the first answer, and the run is cancelled once', async () => {
    const { db } = database;
    const gate = await aParkedGate(db, { release: 'manual' }, { run: { ownerId: 'u_owner' } });
    await vote(db, gate, person('u_ann'));
    const results = await Promise.all(
      Array.from({ length: 10 }, () => withdraw(db, gate, person('u_owner'))),
    );
    expect(kinds(results)).toEqual(['recorded', ...Array.from({ length: 9 }, () => 'repeat')]);
    expect(settledBy(results)).toBe(0);
    expect(await reviewNow(db, gate)).toMatchObject({ status: 'REVOKED', verdict: 'rejected' });
    expect(await getRun(db, gate.run.id)).toMatchObject({ status: 'cancelling' });
    await expectConsistent(db, gate.run.id);
  });
});

describe('a late approval', () => {
  const gateWithOptional: Partial<Gate> = {
    groups: [{ group: 'finance', required: 1 }],
    reviewers: [{ id: 'u_fyi', mandatory: false }],
  };

  test('of an entry that is still open is kept, fills its row, and changes no status', async () => {
    const { db } = database;
    const gate = await aParkedGate(db, { ...gateWithOptional, release: 'manual' });
    await vote(db, gate, person('u_ann', 'finance'));
    expect(await vote(db, gate, person('u_fyi'))).toMatchObject({
      kind: 'recorded',
      late: true,
      settled: false,
      review: { status: 'APPROVED', decidedBy: 'u_ann', decisionSeq: 1, seq: 2, rev: 2 },
    });
    const entries = (await listEntries(db, [gate.review.id])).get(gate.review.id);
    expect(entries?.map(({ key, status, factSeq }) => [key, status, factSeq])).toEqual([
      ['group:finance#1', 'APPROVED', 1],
      ['user:u_fyi', 'APPROVED', 2],
    ]);
    await expectConsistent(db, gate.run.id);
  });

  test('after the release is kept too, and the review stays EXECUTED', async () => {
    const { db } = database;
    const gate = await aParkedGate(db, gateWithOptional);
    await vote(db, gate, person('u_ann', 'finance'));
    const released = await reviewNow(db, gate);
    expect(await vote(db, gate, person('u_fyi'))).toMatchObject({ kind: 'recorded', late: true });
    const { releasedAt, endedAt, decidedAt } = released;
    expect(releasedAt).not.toBeNull();
    expect(await reviewNow(db, gate)).toMatchObject({
      status: 'EXECUTED',
      seq: 2,
      rev: released.rev + 1,
      releasedAt,
      endedAt,
      decidedAt,
    });
    await expectConsistent(db, gate.run.id);
  });
});

describe('what is recorded', () => {
  test('of a vote: who, with which token, by which wire, on which version, and why', async () => {
    const { db } = database;
    const gate = await aParkedGate(db, {
      ...ofFinance(2),
      reviewers: [{ id: 'u_ann', mandatory: true }],
    });
    const ann = person('u_ann', 'finance');
    const result = await vote(db, gate, ann, { reason: 'Totals match', dialect: 'hoop' });
    const [fact] = await listFacts(db, gate.review.id);
    expect(fact).toEqual({
      reviewId: gate.review.id,
      seq: 1,
      projectId: 'prj_default',
      id: A_FACT_ID,
      kind: 'vote',
      owed: true,
      actorId: 'u_ann',
      actorKind: 'person',
      actorName: 'Name of u_ann',
      versionId: gate.review.newestVersionId,
      verdict: 'approved',
      fills: ['group:finance#1', 'group:finance#2', 'user:u_ann'],
      forced: false,
      actingFor: null,
      entryKey: null,
      toKind: null,
      toSubject: null,
      reason: 'Totals match',
      dialect: 'hoop',
      tokenId: 'tok_u_ann',
      createdAt: A_TIME,
    });
    expect(result).toMatchObject({ kind: 'recorded', late: false, settled: false });
    const [fired, made, ...others] = await auditOf(db, gate.review.id);
    expect([fired?.action, made?.action, others]).toEqual(['gate_fired', 'decision_made', []]);
    expect(made).toMatchObject({
      projectId: 'prj_default',
      actorId: 'u_ann',
      tokenId: 'tok_u_ann',
      runId: gate.run.id,
      detail: {
        seq: 1,
        rev_result: 1,
        status: 'PENDING',
        dialect: 'hoop',
        verdict: 'approved',
        version_id: gate.review.newestVersionId,
        forced: false,
        reason: 'Totals match',
      },
    });
  });

  test('of a decision: its verdict, version, author, reason and time, which are those of the vote that settled it', async () => {
    const { db } = database;
    const gate = await aParkedGate(db, ofFinance(2));
    await vote(db, gate, person('u_ann', 'finance'), { reason: 'first' });
    const before = await reviewNow(db, gate);
    expect(before).toMatchObject({ verdict: null, decidedAt: null, decisionReason: null });
    await vote(db, gate, person('u_bob', 'finance'), { reason: 'second' });
    const [, fact] = await listFacts(db, gate.review.id);
    expect(await reviewNow(db, gate)).toMatchObject({
      status: 'EXECUTED',
      verdict: 'approved',
      decisionVersionId: gate.review.newestVersionId,
      decisionSeq: 2,
      decidedBy: 'u_bob',
      decidedByName: 'Name of u_bob',
      decisionReason: 'second',
      decidedAt: fact?.createdAt,
      approvedAt: fact?.createdAt,
      cancelledAt: null,
      releasedAt: fact?.createdAt,
      endedAt: fact?.createdAt,
    });
  });

  test('of an override: the group in whose name it was cast', async () => {
    const { db } = database;
    const gate = await aParkedGate(db, { ...ofFinance(3), force_approval_groups: ['sre-oncall'] });
    expect(
      await vote(db, gate, person('u_sre', 'sre-oncall'), { force: true, reason: 'incident 7' }),
    ).toMatchObject({ kind: 'recorded', settled: true, review: { status: 'APPROVED' } });
    expect(await listFacts(db, gate.review.id)).toMatchObject([
      { forced: true, actingFor: 'sre-oncall', fills: [], reason: 'incident 7' },
    ]);
    await expectConsistent(db, gate.run.id);
  });

  test('for the workflow: ids and verdicts only, neither a name nor a reason nor what was reviewed', async () => {
    const { db } = database;
    const gate = await aParkedGate(db, {}, { snapshot: { secret: 'sesame' } });
    await vote(db, gate, person('u_ann'), { verdict: 'rejected', reason: 'because of Carol' });
    const [owed] = await db
      .selectFrom('outbox')
      .select('payload')
      .where('reviewId', '=', gate.review.id)
      .execute();
    const text = JSON.stringify(owed?.payload);
    expect(Object.keys(asObject(owed?.payload)).toSorted()).toEqual([
      'fact',
      'review_id',
      'status',
    ]);
    for (const secret of ['sesame', 'Name of', 'Carol', 'tok_']) {
      expect(text).not.toContain(secret);
    }
  });

  test('of what is owed: a vote, and with a rejection the cancel, leased to the caller alone', async () => {
    const { db } = database;
    const gate = await aParkedGate(db);
    const result = await vote(db, gate, person('u_ann'), { verdict: 'rejected', leaseMs: 5_000 });
    const owed = await db
      .selectFrom('outbox')
      .selectAll()
      .where('runId', '=', gate.run.id)
      .where('kind', '<>', 'start')
      .orderBy('id')
      .execute();
    expect(owed.map(({ kind, workflowId, state }) => [kind, workflowId, state])).toEqual([
      ['signal', null, 'pending'],
      ['cancel', gate.run.id, 'pending'],
    ]);
    expect(result).toMatchObject({
      leases: owed.map(({ id, leaseToken }) => ({ id, leaseToken })),
    });
    for (const { leaseUntil, attempts } of owed) {
      expect(leaseUntil?.getTime()).toBeGreaterThan(Date.now());
      expect(attempts).toBe(1);
    }
  });
});

describe('a rejection', () => {
  test('closes the siblings that were not released, leaves what was, and cancels the run', async () => {
    const { db } = database;
    const blocks = [
      aBlock('rejected', { review: aGate() }),
      aBlock('pending', { review: aGate() }),
      aBlock('approved', { review: aGate({ release: 'manual' }) }),
      aBlock('executing', { review: aGate({ placement: 'input' }) }),
      aBlock('released', { review: aGate() }),
    ];
    const run = await aRunningRun(db, blocks);
    const gates = new Map<string, ParkedGate>();
    for (const { id } of blocks) {
      gates.set(id, await park(db, run, id));
    }
    const at = (id: string): ParkedGate => gates.get(id) ?? expect.fail(`no gate ${id}`);
    for (const id of ['approved', 'executing', 'released']) {
      await vote(db, at(id), person('u_ann'));
    }

    await vote(db, at('rejected'), person('u_bob'), { verdict: 'rejected', reason: 'forged' });
    expect(await getRun(db, run.id)).toMatchObject({
      status: 'cancelling',
      cancelReason: 'forged',
      cancelledBy: 'u_bob',
      endedAt: null,
    });
    expect(await reviewNow(db, at('rejected'))).toMatchObject({
      status: 'REJECTED',
      verdict: 'rejected',
      cancelledAt: null,
    });
    expect(await reviewNow(db, at('pending'))).toMatchObject({
      status: 'REVOKED',
      verdict: null,
      cancelledAt: A_TIME,
    });
    expect(await reviewNow(db, at('approved'))).toMatchObject({
      status: 'REVOKED',
      verdict: 'rejected',
      decidedBy: 'u_bob',
      decisionReason: 'forged',
      cancelledAt: null,
    });
    expect(await reviewNow(db, at('executing'))).toMatchObject({ status: 'PROCESSING' });
    expect(await reviewNow(db, at('released'))).toMatchObject({ status: 'EXECUTED' });
    await expectConsistent(db, run.id);

    // What was released runs to its end, out of the cancellation's reach.
    const { stepId } = at('executing');
    expect(await beginStep(db, stepId, gateOf(stepId), 'once')).toMatchObject({ kind: 'begin' });
    const result = { output: { done: true }, consensus: null, source: null };
    await finishStep(db, { stepId, attemptToken: 'once', result }, (tx, now) =>
      completeStep(tx, now.run, now.step, null),
    );
    expect(await reviewNow(db, at('executing'))).toMatchObject({ status: 'EXECUTED' });
    await expectConsistent(db, run.id);
  });

  test('skips the step and does not cancel the run where the gate says continue', async () => {
    const { db } = database;
    const review = aGate({ on_reject: 'continue' });
    const run = await aRunningRun(db, [aBlock('gated', { review }), aBlock('other', { review })]);
    for (const [blockId, status] of [
      ['gated', 'running'],
      ['other', 'completed'],
    ] as const) {
      const gate = await park(db, run, blockId);
      const result = await vote(db, gate, person('u_ann'), { verdict: 'rejected', leaseMs: 1_000 });
      expect(result).toMatchObject({ kind: 'recorded', settled: true });
      expect('leases' in result ? result.leases : []).toHaveLength(1);
      expect(await getRun(db, run.id)).toMatchObject({ status });
      await expectConsistent(db, run.id);
    }
  });

  test('without a reason names the review as the reason of the cancellation', async () => {
    const { db } = database;
    const gate = await aParkedGate(db);
    await vote(db, gate, person('u_ann'), { verdict: 'rejected' });
    const { cancelReason } = await getRun(db, gate.run.id);
    expect(cancelReason).toBe(`review ${gate.review.id} was rejected`);
  });
});

describe('what is refused', () => {
  test('changes nothing, and says every reason', async () => {
    const { db } = database;
    const gate = await aParkedGate(db, ofFinance(1), { run: { ownerId: 'u_owner' } });
    const before = await reviewNow(db, gate);
    expect(codes(await vote(db, gate, person('u_owner'), { force: true }))).toEqual([
      'SELF_APPROVAL',
      'NOT_IN_FORCE_GROUP',
    ]);
    expect(codes(await vote(db, gate, person('u_stranger'), { versionId: 'rvr_X' }))).toEqual([
      'VERSION_NOT_FOUND',
      'NOT_ELIGIBLE',
    ]);
    const service: Actor = { ...SYSTEM, id: 'svc', kind: 'service', groups: ['finance'] };
    expect(codes(await vote(db, gate, service))).toEqual(['SERVICE_CANNOT_VOTE']);
    expect(codes(await withdraw(db, gate, person('u_owner')))).toEqual(['NOT_APPROVED']);
    expect(await reviewNow(db, gate)).toEqual(before);
    await expectConsistent(db, gate.run.id);
  });

  test('is also what belongs to another project: there is no such review', async () => {
    const { db } = database;
    const gate = await aParkedGate(db);
    const stranger = { ...person('u_ann'), projectId: 'prj_other' };
    expect(await vote(db, gate, stranger)).toEqual({ kind: 'not_found' });
    expect(await vote(db, { review: { ...gate.review, id: 'rev_X' } }, person('u_ann'))).toEqual({
      kind: 'not_found',
    });
  });

  test('once the run was cancelled is every vote', async () => {
    const { db } = database;
    const gate = await aParkedGate(db);
    const about = { reason: 'enough', dialect: 'native' as const };
    await cancelRun(db, SYSTEM, gate.run.id, about, 0);
    for (const verdict of ['approved', 'rejected'] as const) {
      expect(codes(await vote(db, gate, person('u_ann'), { verdict }))).toEqual([
        'REVIEW_CANCELLED',
      ]);
    }
    await expectConsistent(db, gate.run.id);
  });
});
