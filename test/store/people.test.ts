import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SYSTEM } from '../../src/store/actors.js';
import { listAudit } from '../../src/store/audit.js';
import {
  findPerson,
  listPeople,
  personAsVoter,
  type PersonStatement,
  putPerson,
  removePerson,
} from '../../src/store/people.js';
import { createToken, findActorBySecret } from '../../src/store/tokens.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

const A_TIME: unknown = expect.any(Date);
const PROJECT = 'prj_default';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
  await database.db.insertInto('project').values({ id: 'prj_two', name: 'Two' }).execute();
});
afterAll(() => database.drop());

function statement(id: string, about: Partial<PersonStatement> = {}): PersonStatement {
  const names = { name: `Name of ${id}`, email: `${id}@example.org`, slackId: '' };
  return { id, ...names, groups: [], roles: ['reviewer'], ...about };
}

describe('putPerson', () => {
  test('stores somebody new with the source and the time of what is said of them', async () => {
    const { db } = database;
    const row = await putPerson(
      db,
      SYSTEM,
      statement('u_ann', { groups: ['finance', 'legal', 'finance'], slackId: 'S1' }),
    );
    expect(row).toMatchObject({
      projectId: PROJECT,
      id: 'u_ann',
      name: 'Name of u_ann',
      email: 'u_ann@example.org',
      slackId: 'S1',
      groups: ['finance', 'legal'],
      roles: ['reviewer'],
      directorySource: 'admin',
      directoryAt: A_TIME,
      removedAt: null,
    });
    expect(await findPerson(db, PROJECT, 'u_ann')).toEqual(row);
    expect(personAsVoter(row)).toEqual({
      id: 'u_ann',
      kind: 'person',
      groups: ['finance', 'legal'],
      roles: ['reviewer'],
    });
  });

  test('replaces what was known: groups and roles are not added up, and the date is that of the last word', async () => {
    const { db } = database;
    const first = await putPerson(db, SYSTEM, statement('u_bob', { groups: ['finance'] }));
    const again = await putPerson(
      db,
      SYSTEM,
      statement('u_bob', { groups: ['legal'], roles: ['auditor'] }),
      'oidc',
    );
    expect(again).toMatchObject({
      groups: ['legal'],
      roles: ['auditor'],
      directorySource: 'oidc',
      createdAt: first.createdAt,
    });
    expect(again.directoryAt.getTime()).toBeGreaterThanOrEqual(first.directoryAt.getTime());
  });

  test('by twenty at once leaves one person, as one of them said', async () => {
    const { db } = database;
    await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        putPerson(db, SYSTEM, statement('u_many', { name: `N${n}`, groups: [`g${n}`] })),
      ),
    );
    const row = await findPerson(db, PROJECT, 'u_many');
    expect(row?.groups).toEqual([row?.name.replace('N', 'g')]);
    const audit = await listAudit(db, PROJECT, {
      runId: null,
      reviewId: null,
      afterId: null,
      limit: 1_000,
    });
    const lines = audit.filter(({ detail }) => JSON.stringify(detail).includes('u_many'));
    expect(lines.map(({ action }) => action)).toEqual(
      Array.from({ length: 20 }, () => 'person_put'),
    );
  });

  test('knows the same id in two projects as two people', async () => {
    const { db } = database;
    await putPerson(db, SYSTEM, statement('u_two', { name: 'Here' }));
    await putPerson(db, { ...SYSTEM, projectId: 'prj_two' }, statement('u_two', { name: 'There' }));
    expect(await findPerson(db, PROJECT, 'u_two')).toMatchObject({ name: 'Here' });
    expect(await findPerson(db, 'prj_two', 'u_two')).toMatchObject({ name: 'There' });
    expect((await listPeople(db, 'prj_two')).map(({ id }) => id)).toEqual(['u_two']);
  });
});

describe('removePerson', () => {
  test('takes somebody off every list and ends their tokens at once', async () => {
    const { db } = database;
    await putPerson(db, SYSTEM, statement('u_gone', { groups: ['finance'] }));
    const [one, other] = [
      await createToken(db, SYSTEM, { personId: 'u_gone' }),
      await createToken(db, SYSTEM, { personId: 'u_gone' }),
    ];
    expect(await findActorBySecret(db, one.secret)).toMatchObject({ id: 'u_gone' });

    expect(await removePerson(db, SYSTEM, 'u_gone')).toBe(true);
    expect(await findPerson(db, PROJECT, 'u_gone')).toBeNull();
    expect((await listPeople(db, PROJECT)).map(({ id }) => id)).not.toContain('u_gone');
    for (const { secret } of [one, other]) {
      expect(await findActorBySecret(db, secret)).toBeNull();
    }
    expect(await removePerson(db, SYSTEM, 'u_gone')).toBe(false);
    expect(await removePerson(db, SYSTEM, 'u_never')).toBe(false);
    expect(await removePerson(db, { ...SYSTEM, projectId: 'prj_two' }, 'u_ann')).toBe(false);
  });

  test('can be undone, but the tokens from before stay ended', async () => {
    const { db } = database;
    await putPerson(db, SYSTEM, statement('u_back'));
    const before = await createToken(db, SYSTEM, { personId: 'u_back' });
    await removePerson(db, SYSTEM, 'u_back');
    await putPerson(db, SYSTEM, statement('u_back', { groups: ['legal'] }));
    expect(await findPerson(db, PROJECT, 'u_back')).toMatchObject({ removedAt: null });
    expect(await findActorBySecret(db, before.secret)).toBeNull();
    const after = await createToken(db, SYSTEM, { personId: 'u_back' });
    expect(await findActorBySecret(db, after.secret)).toMatchObject({
      id: 'u_back',
      groups: ['legal'],
    });
  });
});
