import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { SYSTEM } from '../../src/store/actors.js';
import { listPeople, putPerson } from '../../src/store/people.js';
import { findActorBySecret } from '../../src/store/tokens.js';
import { valueAt } from '../support/api.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { countersign, type Printed } from './countersign.js';

vi.setConfig({ testTimeout: 120_000 });

let database: TestDatabase;
let folder: string;

beforeAll(async () => {
  database = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'countersign-cli-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await database.drop();
});

async function create(id: string, ...more: readonly string[]): Promise<Printed> {
  const about = ['--id', id, '--name', 'Ada', '--email', 'ada@example.com'];
  return await countersign(['admin', 'create', ...about, ...more], {
    env: { DATABASE_URL: database.url },
    cwd: folder,
  });
}

describe('admin create', () => {
  test('lets the first admin in with a token that is printed once, and no second one', async () => {
    const made = await create('u_ada');
    expect(made.code).toBe(0);
    expect(made.stdout).toMatch(/^cs_\S+\n$/);
    expect(made.stderr).toMatch(/^Admin u_ada is there, and token tok_\w+ is theirs\. It is shown/);
    expect(await findActorBySecret(database.db, made.stdout.trim())).toMatchObject({
      id: 'u_ada',
      roles: ['reviewer', 'admin'],
      groups: [],
    });
    for (const id of ['u_ada', 'u_eve']) {
      expect(await create(id)).toEqual({
        code: 1,
        stdout: '',
        stderr:
          'countersign: There is an admin already (u_ada): ask them for a token, or add --force if nobody has theirs any more.\n',
      });
    }
    expect(await listPeople(database.db, SYSTEM.projectId)).toHaveLength(1);
  });

  test('--force gives a further token, and takes nothing from who is there', async () => {
    const person = { id: 'u_fin', name: 'Fin', email: 'f@example.com', slackId: 'U1' };
    await putPerson(database.db, SYSTEM, { ...person, groups: ['finance'], roles: ['auditor'] });
    const forced = await create('u_fin', '--force', '--json');
    expect(forced.code).toBe(0);
    const document: unknown = JSON.parse(forced.stdout);
    expect(document).toMatchObject({ user_id: 'u_fin' });
    expect(valueAt(document, 'token')).toMatch(/^cs_/);
    const people = await listPeople(database.db, SYSTEM.projectId);
    expect(people.find(({ id }) => id === 'u_fin')).toMatchObject({
      groups: ['finance'],
      roles: ['auditor', 'admin'],
      slackId: 'U1',
    });
  });

  test('makes no admin of somebody who is there without being told to', async () => {
    const own = await createTestDatabase();
    try {
      const person = { id: 'u_fin', name: 'Fin', email: 'f@example.com', slackId: '' };
      await putPerson(own.db, SYSTEM, { ...person, groups: [], roles: ['reviewer'] });
      const refused = await countersign(
        ['admin', 'create', '--id', 'u_fin', '--name', 'x', '--email', 'x'],
        { env: { DATABASE_URL: own.url }, cwd: folder },
      );
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain("There is a person 'u_fin' already, who is no admin");
    } finally {
      await own.drop();
    }
  });

  test.each([
    ['without a database', {}, ['--id', 'a'], 'DATABASE_URL is not set'],
    [
      'without an id',
      { DATABASE_URL: 'postgres://x' },
      ['--id', ' '],
      "--id is ' ': it must be 1 to",
    ],
    [
      'where nothing answers',
      { DATABASE_URL: 'postgres://127.0.0.1:9/x' },
      ['--id', 'a'],
      'does not answer at DATABASE_URL',
    ],
  ])('says what to do %s', async (_what, env, args, message) => {
    const printed = await countersign(
      ['admin', 'create', ...args, '--name', 'A', '--email', 'a@b'],
      { env, cwd: folder },
    );
    expect(printed).toMatchObject({ code: 1, stdout: '' });
    expect(printed.stderr).toContain(message);
  });
});
