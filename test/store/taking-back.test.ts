import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listEntries } from '../../src/store/reviews.js';
import { putPerson, removePerson } from '../../src/store/people.js';
import { reassignEntry } from '../../src/store/reassign.js';
import { recordVote } from '../../src/store/record-vote.js';
import { type Actor, SYSTEM } from '../../src/store/actors.js';
import { revokeToken } from '../../src/store/tokens.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { countWaiting } from '../support/locks.js';
import {
  aParkedGate,
  askForRelease,
  check,
  type ParkedGate,
  person,
  reviewNow,
  vote,
  withdraw,
} from '../support/parked.js';
import { until } from '../support/until.js';
import { APPROVAL, enrol } from '../support/voters.js';
import { expectConsistent } from './consistency.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const own = { what: 'own_approval', reason: 'the wrong one' } as const;
const entriesOf = async ({ review }: ParkedGate): Promise<readonly string[]> =>
  ((await listEntries(database.db, [review.id])).get(review.id) ?? []).map(
    ({ key, kind, subject, status, factSeq }) =>
      `${key} ${kind} ${subject} ${status} ${factSeq ?? '-'}`,
  );

describe('an approval that is taken back', () => {
  test('while the review is undecided counts no more, and can be given again', async () => {
    const { db } = database;
    const gate = await aParkedGate(db, { groups: [{ group: 'finance', required: 2 }] });
    const [ann, bob] = [person('u_ann', 'finance'), person('u_bob', 'finance')];
    await vote(db, gate, ann);
    expect(await withdraw(db, gate, ann, own)).toMatchObject({
      kind: 'recorded',
      late: false,
      settled: false,
      review: { status: 'PENDING', seq: 2 },
    });
    expect(await entriesOf(gate)).toEqual([
      'group:finance#1 group finance PENDING -',
      'group:finance#2 group finance PENDING -',
    ]);
    expect(await withdraw(db, gate, ann, own)).toMatchObject({ kind: 'repeat' });
    expect(await vote(db, gate, bob)).toMatchObject({ review: { status: 'PENDING' } });
    expect(await vote(db, gate, ann)).toMatchObject({ review: { status: 'APPROVED' } });
    await expectConsistent(db, gate.run.id);
  });

  test('after the decision opens the review again, and nothing of the decision is left', async () => {
    const { db } = database;
    const gate = await aParkedGate(
      db,
      { groups: [{ group: 'finance', required: 1 }], placement: 'input', release: 'manual' },
      { run: { ownerId: 'u_owner' } },
    );
    const [ann, owner] = [person('u_ann', 'finance'), person('u_owner')];
    const window = { start: '00:00', end: '23:59' };
    await vote(db, gate, ann, { timeWindow: window, reason: 'fine' });
    expect(await withdraw(db, gate, ann, own)).toMatchObject({ kind: 'recorded', late: true });
    expect(await reviewNow(db, gate)).toMatchObject({
      status: 'PENDING',
      verdict: null,
      decisionVersionId: null,
      decisionSeq: null,
      decidedBy: null,
      decidedByName: null,
      decidedAt: null,
      decisionReason: null,
      approvedAt: null,
      endedAt: null,
      timeWindow: null,
    });
    await expectConsistent(db, gate.run.id);
    // A workflow that was told of the approval must not go on, and its owner cannot release it.
    expect(await check(db, gate)).toMatchObject({
      kind: 'waiting',
      gate: { state: { status: 'PENDING' } },
    });
    expect(await askForRelease(db, gate, owner)).toMatchObject({ kind: 'refused' });
    await vote(db, gate, ann, { timeWindow: { start: '00:00', end: '23:58' } });
    expect(await check(db, gate)).toMatchObject({
      kind: 'waiting',
      gate: { state: { status: 'APPROVED' } },
    });
  });

  test('which was not needed leaves the review approved, by the others', async () => {
    const { db } = database;
    const gate = await aParkedGate(db, {
      groups: [
        { group: 'finance', required: 1 },
        { group: 'legal', required: 1 },
      ],
      min_approvals: 1,
      release: 'manual',
    });
    const [ann, leg] = [person('u_ann', 'finance'), person('u_leg', 'legal')];
    await vote(db, gate, ann, { reason: 'mine' });
    await vote(db, gate, leg, { reason: 'mine, too' });
    await withdraw(db, gate, ann, own);
    expect(await reviewNow(db, gate)).toMatchObject({
      status: 'APPROVED',
      decidedBy: 'u_leg',
      decidedByName: 'Name of u_leg',
      decisionSeq: 2,
      decisionReason: 'mine, too',
    });
    await expectConsistent(db, gate.run.id);
  });

  test('takes the row with it that a forced approval had appended', async () => {
    const { db } = database;
    const gate = await aParkedGate(db, {
      groups: [{ group: 'finance', required: 1 }],
      force_approval_groups: ['oncall'],
      release: 'manual',
    });
    const sre = person('u_sre', 'oncall');
    await vote(db, gate, sre, { force: true });
    await withdraw(db, gate, sre, own);
    expect(await entriesOf(gate)).toEqual(['group:finance#1 group finance PENDING -']);
    await expectConsistent(db, gate.run.id);
  });

  test('is refused once the step was released', async () => {
    const { db } = database;
    const gate = await aParkedGate(db);
    await vote(db, gate, person('u_ann'));
    expect(await withdraw(db, gate, person('u_ann'), own)).toMatchObject({
      kind: 'refused',
      refusals: [{ code: 'ALREADY_RELEASED' }],
    });
  });
});

describe('an entry that is given to somebody else', () => {
  const give = async (gate: ParkedGate, admin: Actor, entry: string, reviewer: string) => {
    await enrol(database.db, admin);
    const about = { entry, to: { kind: 'reviewer', subject: reviewer } } as const;
    const why = { reason: 'on leave', dialect: 'native' } as const;
    return await reassignEntry(database.db, admin, gate.review.id, { ...about, ...why }, 0);
  };

  test('is filled by them alone, and what was approved before stays', async () => {
    const { db } = database;
    const gate = await aParkedGate(db, {
      groups: [{ group: 'finance', required: 1 }],
      reviewers: [{ id: 'u_cfo', mandatory: true }],
    });
    const boss: Actor = { ...person('u_boss'), roles: ['admin'] };
    const [ann, zoe] = [person('u_ann', 'finance'), person('u_zoe', 'finance')];
    await vote(db, gate, ann);
    expect(await give(gate, boss, 'user:u_cfo', 'u_zoe2')).toMatchObject({
      kind: 'refused',
      refusals: [{ code: 'ASSIGNEE_UNKNOWN' }],
    });
    await enrol(db, zoe);
    expect(await give(gate, boss, 'user:u_cfo', 'u_zoe')).toMatchObject({ kind: 'recorded' });
    expect(await give(gate, boss, 'user:u_cfo', 'u_zoe')).toMatchObject({ kind: 'already' });
    expect(await entriesOf(gate)).toEqual([
      'group:finance#1 group finance APPROVED 1',
      'user:u_cfo reviewer u_zoe PENDING -',
    ]);
    await expectConsistent(db, gate.run.id);
    expect(await vote(db, gate, person('u_cfo'))).toMatchObject({
      kind: 'refused',
      refusals: [{ code: 'NOT_ELIGIBLE' }],
    });
    expect(await vote(db, gate, zoe)).toMatchObject({ review: { status: 'APPROVED' } });
    await expectConsistent(db, gate.run.id);
  });

  test('is given by admins only', async () => {
    const gate = await aParkedGate(database.db);
    expect(await give(gate, person('u_ann'), 'anyone', 'u_ann')).toMatchObject({
      kind: 'refused',
      refusals: [{ code: 'NOT_ADMIN' }],
    });
  });
});

describe('who votes', () => {
  /** Votes while somebody holds the run's lock, does something meanwhile, and lets the vote go on. */
  async function voteAround(gate: ParkedGate, voter: Actor, meanwhile: () => Promise<unknown>) {
    const { db } = database;
    await enrol(db, voter);
    const voting = await db.transaction().execute(async (tx) => {
      await tx
        .selectFrom('run')
        .select('id')
        .where('id', '=', gate.run.id)
        .forUpdate()
        .executeTakeFirstOrThrow();
      const waiting = recordVote(db, voter, gate.review.id, APPROVAL, 0);
      await until('the vote to wait', async () => ((await countWaiting(db)) > 0 ? true : null));
      await meanwhile();
      return { waiting };
    });
    return await voting.waiting;
  }
  const ofFinance = { groups: [{ group: 'finance', required: 1 }] };

  test('is read again under the lock: who was removed meanwhile has not voted', async () => {
    const gate = await aParkedGate(database.db, ofFinance);
    const gone = person('u_gone', 'finance');
    expect(await voteAround(gate, gone, () => removePerson(database.db, SYSTEM, 'u_gone'))).toEqual(
      { kind: 'signed_out' },
    );
    expect(await reviewNow(database.db, gate)).toMatchObject({ status: 'PENDING', seq: 0 });
  });

  test('needs a token that is good at that moment', async () => {
    const gate = await aParkedGate(database.db, ofFinance);
    const out = person('u_out', 'finance');
    expect(
      await voteAround(gate, out, () => revokeToken(database.db, SYSTEM, 'tok_u_out')),
    ).toEqual({ kind: 'signed_out' });
  });

  test('is in the groups of that moment, and not in those of the request', async () => {
    const gate = await aParkedGate(database.db, ofFinance);
    const moved = person('u_moved', 'finance');
    const { id, name, email, roles } = moved;
    const now = { id, name, email, roles, slackId: '', groups: ['legal'] };
    expect(await voteAround(gate, moved, () => putPerson(database.db, SYSTEM, now))).toMatchObject({
      kind: 'refused',
      refusals: [{ code: 'NOT_ELIGIBLE' }],
    });
  });
});

test('an approval given again by somebody who can fill more by now is no repeat', async () => {
  const { db } = database;
  const gate = await aParkedGate(db, {
    groups: [
      { group: 'a', required: 1 },
      { group: 'b', required: 1 },
    ],
  });
  await vote(db, gate, person('u_bob', 'a'));
  expect(await vote(db, gate, person('u_bob', 'a'))).toMatchObject({ kind: 'repeat' });
  expect(await vote(db, gate, person('u_bob', 'a', 'b'))).toMatchObject({
    kind: 'recorded',
    review: { status: 'APPROVED' },
  });
  await expectConsistent(db, gate.run.id);
});
