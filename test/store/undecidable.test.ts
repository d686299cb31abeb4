import { sql } from 'kysely';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { Gate } from '../../src/domain/definition.js';
import type { Role } from '../../src/domain/people.js';
import { SYSTEM } from '../../src/store/actors.js';
import { findPerson, putPerson, removePerson } from '../../src/store/people.js';
import { reassignEntry } from '../../src/store/reassign.js';
import {
  findLeftUndecidable,
  listUndecidableReviews,
  type UndecidableFilter,
} from '../../src/store/undecidable.js';
import { createTestDatabase } from '../support/database.js';
import { addManyReviews } from '../support/many-reviews.js';
import { aParkedGate, person, vote } from '../support/parked.js';

const database = await createTestDatabase();
const { db } = database;
afterAll(() => database.drop());

async function add(id: string, groups: readonly string[], ...others: readonly Role[]) {
  const roles: readonly Role[] = others.includes('auditor') ? others : ['reviewer', ...others];
  const about = { id, name: id, email: `${id}@example.com`, slackId: '', groups, roles };
  return await putPerson(db, SYSTEM, about);
}

async function open(gate: Partial<Gate>, ownerId: string | null = null): Promise<string> {
  return (await aParkedGate(db, gate, { run: { ownerId } })).review.id;
}

async function found(filter: UndecidableFilter = {}): Promise<Readonly<Record<string, string>>> {
  const { reviews } = await listUndecidableReviews(db, 1_000, filter);
  const whom = /^nobody can give it \((.*)\): an admin can /;
  return Object.fromEntries(
    reviews.map(({ reviewId, lack }) => [reviewId, whom.exec(lack)?.[1] ?? '']),
  );
}

const finance = (required = 1) => [{ group: 'finance', required }];

describe('a review that nobody can approve any more', () => {
  beforeEach(async () => {
    await sql`truncate person, review, entry, fact, version, hold, outbox, review_command, vote_basis cascade`.execute(
      db,
    );
    await add('u_fay', ['finance']);
  });

  test('is found once its only approver was removed, and not before', async () => {
    await add('u_ann', []);
    const review = await open({ reviewers: [{ id: 'u_ann', mandatory: true }] });
    expect(await found()).toEqual({});
    await removePerson(db, SYSTEM, 'u_ann');
    expect(await found()).toEqual({ [review]: 'reviewer u_ann' });
  });

  test('is found once its group became empty, or has nobody left but the owner', async () => {
    await add('u_own', ['finance']);
    const owned = await open({ groups: finance() }, 'u_own');
    const review = await open({ groups: finance() });
    const decided = await aParkedGate(db, { groups: finance() });
    await vote(db, decided, person('u_fay', 'finance'));
    expect(await found()).toEqual({});
    await add('u_fay', ['legal']);
    expect(await found()).toEqual({ [owned]: 'a member of finance' });
    await removePerson(db, SYSTEM, 'u_own');
    expect(await found()).toEqual({
      [owned]: 'a member of finance',
      [review]: 'a member of finance',
    });
    await add('u_new', ['finance']);
    expect(await found()).toEqual({});
  });

  test('is not one that may be approved by its owner who is an admin, or forced', async () => {
    await add('u_own', ['audit'], 'admin');
    const groups = [{ group: 'audit', required: 1 }];
    await open({ groups }, 'u_own');
    const strict = await open({ groups, self_approval: 'never' }, 'u_own');
    await open({ groups, self_approval: 'never', force_approval_groups: ['finance'] }, 'u_own');
    expect(await found()).toEqual({ [strict]: 'a member of audit' });
  });

  test('counts the approvals of those who have left, and people once where a gate says so', async () => {
    const parked = await aParkedGate(db, { groups: finance(2) });
    await vote(db, parked, person('u_gone', 'finance'));
    await removePerson(db, SYSTEM, 'u_gone');
    await add('u_fay', ['finance', 'legal']);
    const both = [...finance(), { group: 'legal', required: 1 }];
    await open({ groups: both });
    const seated = await open({ groups: both, one_person_one_entry: true });
    expect(await found()).toEqual({ [seated]: 'a member of legal' });
  });

  test('is one for any reviewer once there is none but its owner', async () => {
    const review = await open({}, 'u_fay');
    await add('u_aud', [], 'auditor');
    expect(await found()).toEqual({ [review]: 'any reviewer (the owner only as an admin)' });
  });

  test('is one of which an entry was given to the only one who gives another', async () => {
    const review = await open({ groups: [...finance(), { group: 'legal', required: 1 }] });
    await add('u_fay', ['finance', 'legal']);
    expect(await found()).toEqual({});
    await add('u_adm', [], 'admin');
    const admin = { ...person('u_adm'), roles: ['admin' as const], tokenId: null };
    const given = await reassignEntry(
      db,
      admin,
      review,
      {
        entry: 'group:legal#1',
        to: { kind: 'reviewer', subject: 'u_fay' },
        reason: 'away',
        dialect: 'native',
      },
      0,
    );
    expect(given.kind).toBe('recorded');
    expect(await found()).toEqual({ [review]: 'a member of finance' });
  });

  test('is found in one project, and in no other', async () => {
    const review = await open({ groups: [{ group: 'nobody', required: 1 }] });
    expect(Object.keys(await found())).toEqual([review]);
    expect(await found({ projectId: 'prj_other' })).toEqual({});
  });

  test('is found in pages among many, each one once', async () => {
    const models = [await open({ groups: finance() }), await open({ groups: finance(2) })];
    await addManyReviews(db, { models, count: 2_500 });
    const ids: string[] = [];
    let calls = 0;
    for (let after: string | undefined; ;) {
      const filter = after === undefined ? {} : { afterReviewId: after };
      const { reviews, next } = await listUndecidableReviews(db, 1, filter);
      ids.push(...reviews.map(({ reviewId }) => reviewId));
      calls += 1;
      if (next === null) {
        break;
      }
      after = next;
    }
    expect(calls).toBeGreaterThan(1);
    expect([ids.length, new Set(ids).size]).toEqual([1_251, 1_251]);
  });
});

describe('a change of a person leaves undecidable', () => {
  beforeEach(async () => {
    await sql`truncate person, review, entry, fact, version, hold, outbox, review_command, vote_basis cascade`.execute(
      db,
    );
    await add('u_fay', ['finance']);
  });

  /** Changes somebody, or removes them, and gives the reviews that this leaves without people. */
  async function leftBy(id: string, change: () => Promise<unknown>): Promise<readonly string[]> {
    const before = await findPerson(db, SYSTEM.projectId, id);
    await change();
    const now = await findPerson(db, SYSTEM.projectId, id);
    const after = now === null || now.removedAt !== null ? null : now;
    const { count, reviewIds, isMore } = await findLeftUndecidable(db, SYSTEM.projectId, {
      before,
      after,
    });
    expect([count, isMore]).toEqual([reviewIds.length, false]);
    return reviewIds;
  }

  test('what they alone could decide, and not what could not be decided before', async () => {
    const theirs = await open({ groups: finance() });
    const named = await open({ reviewers: [{ id: 'u_fay', mandatory: true }] });
    await open({ groups: [{ group: 'nobody', required: 1 }] });
    await open({ groups: [...finance(), { group: 'nobody', required: 1 }] });
    const others = await open({ groups: [{ group: 'legal', required: 1 }] });
    await add('u_lee', ['legal']);
    expect(await leftBy('u_fay', () => removePerson(db, SYSTEM, 'u_fay'))).toEqual([theirs, named]);
    expect(Object.keys(await found())).not.toContain(others);
    expect(await leftBy('u_fay', async () => {})).toEqual([]);
  });

  test('what a group that they left had asked for, or could have forced', async () => {
    await add('u_ola', ['oncall', 'more']);
    const groups = [{ group: 'nobody', required: 1 }];
    const forced = await open({ groups, force_approval_groups: ['oncall'] });
    const asked = await open({ groups: [{ group: 'oncall', required: 1 }] });
    expect(await found()).toEqual({});
    expect(await leftBy('u_ola', () => add('u_ola', ['oncall']))).toEqual([]);
    expect(await leftBy('u_ola', () => add('u_ola', []))).toEqual([forced, asked]);
  });

  test('what an admin ran for themselves, once they are none', async () => {
    await add('u_own', ['audit'], 'admin');
    const own = await open({ groups: [{ group: 'audit', required: 1 }] }, 'u_own');
    expect(await leftBy('u_own', () => add('u_own', ['audit']))).toEqual([own]);
  });

  test('what waits for any reviewer, once they review no more', async () => {
    const review = await open({}, 'u_someone');
    expect(await leftBy('u_fay', () => add('u_fay', ['finance'], 'auditor'))).toEqual([review]);
  });
});
