import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asVoter, SYSTEM } from '../../src/store/actors.js';
import { listAudit } from '../../src/store/audit.js';
import { sqlState } from '../../src/store/database.js';
import { putPerson, removePerson } from '../../src/store/people.js';
import { createToken, findActorBySecret, listTokens, revokeToken } from '../../src/store/tokens.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

const A_TIME: unknown = expect.any(Date);
const PROJECT = 'prj_default';
const ADMIN = { ...SYSTEM, id: 'u_admin', tokenId: 'tok_admin' };

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
  await putPerson(database.db, SYSTEM, {
    id: 'u_ann',
    name: 'Ann',
    email: 'ann@example.org',
    slackId: '',
    groups: ['finance'],
    roles: ['reviewer', 'admin'],
  });
});
afterAll(() => database.drop());

describe('a token', () => {
  test('of a person shows who they are, with the groups and roles they have now', async () => {
    const { db } = database;
    const { row, secret } = await createToken(db, ADMIN, { personId: 'u_ann' });
    expect(row).toMatchObject({
      id: expect.stringMatching(/^tok_[A-Z2-7]{26}$/) as unknown,
      projectId: PROJECT,
      personId: 'u_ann',
      service: null,
      scopes: [],
      createdBy: 'u_admin',
      revokedAt: null,
    });
    const actor = await findActorBySecret(db, secret);
    expect(actor).toEqual({
      projectId: PROJECT,
      id: 'u_ann',
      kind: 'person',
      name: 'Ann',
      email: 'ann@example.org',
      groups: ['finance'],
      roles: ['reviewer', 'admin'],
      scopes: [],
      tokenId: row.id,
    });
    expect(actor === null ? null : asVoter(actor)).toMatchObject({ kind: 'person' });
  });

  test('of a service shows its name and scopes, and no groups and no roles', async () => {
    const { db } = database;
    const { row, secret } = await createToken(db, ADMIN, {
      service: 'importer',
      scopes: ['runs:write', 'reviews:read'],
    });
    const actor = await findActorBySecret(db, secret);
    expect(actor).toEqual({
      projectId: PROJECT,
      id: 'importer',
      kind: 'service',
      name: 'importer',
      email: '',
      groups: [],
      roles: [],
      scopes: ['runs:write', 'reviews:read'],
      tokenId: row.id,
    });
    expect(actor === null ? null : asVoter(actor)).toMatchObject({ kind: 'service' });
  });

  test('is nowhere in the store: only the hash of its 32 random bytes is', async () => {
    const { db } = database;
    const [one, other] = [
      await createToken(db, ADMIN, { personId: 'u_ann' }),
      await createToken(db, ADMIN, { personId: 'u_ann' }),
    ];
    expect(one.secret).toMatch(/^cs_[A-Za-z0-9_-]{43}$/);
    expect(one.secret).not.toBe(other.secret);
    expect(one.row.secretSha256).toBe(createHash('sha256').update(one.secret).digest('hex'));
    const stored = JSON.stringify([
      await listTokens(db, PROJECT),
      await db.selectFrom('audit').selectAll().execute(),
    ]);
    expect(stored).not.toContain(one.secret);
    expect(stored).not.toContain(one.secret.slice(3));
  });

  test('that nobody made shows nobody', async () => {
    const { db } = database;
    const { row, secret } = await createToken(db, ADMIN, { personId: 'u_ann' });
    for (const guess of ['', 'cs_', `${secret}x`, secret.slice(0, -1), row.id, row.secretSha256]) {
      expect(await findActorBySecret(db, guess)).toBeNull();
    }
  });

  test('that was revoked shows nobody at once, and is revoked once', async () => {
    const { db } = database;
    const { row, secret } = await createToken(db, ADMIN, { personId: 'u_ann' });
    const kept = await createToken(db, ADMIN, { personId: 'u_ann' });
    const elsewhere = { ...ADMIN, projectId: 'prj_other' };
    expect(await revokeToken(db, elsewhere, row.id)).toBe(false);
    expect(await findActorBySecret(db, secret)).not.toBeNull();

    expect(await revokeToken(db, ADMIN, row.id)).toBe(true);
    expect(await findActorBySecret(db, secret)).toBeNull();
    expect(await findActorBySecret(db, kept.secret)).toMatchObject({ id: 'u_ann' });
    const listed = async () => (await listTokens(db, PROJECT)).find(({ id }) => id === row.id);
    const first = await listed();
    expect(first).toMatchObject({ revokedAt: A_TIME });
    expect(await revokeToken(db, ADMIN, row.id)).toBe(true);
    expect(await listed()).toEqual(first);
    expect(await revokeToken(db, ADMIN, 'tok_none')).toBe(false);
  });

  test('of somebody who was removed shows nobody, also one that was made afterwards', async () => {
    const { db } = database;
    const gone = { id: 'u_gone', name: 'Gone', email: '', slackId: '', groups: [] };
    await putPerson(db, SYSTEM, { ...gone, roles: ['admin'] });
    const before = await createToken(db, ADMIN, { personId: 'u_gone' });
    await removePerson(db, SYSTEM, 'u_gone');
    const after = await createToken(db, ADMIN, { personId: 'u_gone' });
    expect(await findActorBySecret(db, before.secret)).toBeNull();
    expect(await findActorBySecret(db, after.secret)).toBeNull();
  });

  test('needs a person who is there', async () => {
    const { db } = database;
    const error: unknown = await createToken(db, ADMIN, { personId: 'u_nobody' }).catch(
      (reason: unknown) => reason,
    );
    expect(sqlState(error)).toBe('23503');
    expect((await listTokens(db, PROJECT)).map(({ personId }) => personId)).not.toContain(
      'u_nobody',
    );
  });

  test('can bear a secret that was chosen, but no two can bear the same', async () => {
    const { db } = database;
    await createToken(db, ADMIN, { personId: 'u_ann' }, 'chosen');
    expect(await findActorBySecret(db, 'chosen')).toMatchObject({ id: 'u_ann' });
    const error: unknown = await createToken(
      db,
      ADMIN,
      { service: 's', scopes: [] },
      'chosen',
    ).catch((reason: unknown) => reason);
    expect(sqlState(error)).toBe('23505');
  });

  test('leaves a line in the audit when it is made and when it is revoked', async () => {
    const { db } = database;
    const before = await listAudit(db, PROJECT, ALL_LINES);
    const { row } = await createToken(db, ADMIN, { service: 'importer', scopes: ['admin'] });
    await revokeToken(db, ADMIN, row.id);
    const afterId = before.at(-1)?.id ?? null;
    expect(await listAudit(db, PROJECT, { ...ALL_LINES, afterId })).toMatchObject([
      {
        action: 'token_created',
        actorId: 'u_admin',
        tokenId: 'tok_admin',
        detail: { token_id: row.id, person_id: null, service: 'importer', scopes: ['admin'] },
      },
      { action: 'token_revoked', actorId: 'u_admin', detail: { token_id: row.id } },
    ]);
    expect(await listAudit(db, PROJECT, { ...ALL_LINES, limit: 1 })).toEqual(before.slice(0, 1));
    expect(await listAudit(db, 'prj_other', ALL_LINES)).toEqual([]);
  });
});

const ALL_LINES = { runId: null, reviewId: null, afterId: null, limit: 1_000 };
