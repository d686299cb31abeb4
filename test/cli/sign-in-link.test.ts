import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { bootstrap } from '../../src/cli/bootstrap.js';
import { DEMO_PEOPLE } from '../../src/cli/demo-people.js';
import { SYSTEM } from '../../src/store/actors.js';
import { listPeople, removePerson } from '../../src/store/people.js';
import { findSignInLink } from '../../src/store/sign-ins.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { countersign, type Printed } from './countersign.js';

vi.setConfig({ testTimeout: 120_000 });

let database: TestDatabase;
let folder: string;

beforeAll(async () => {
  database = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'countersign-cli-'));
  await bootstrap(database.url, join(folder, 'token'), DEMO_PEOPLE);
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await database.drop();
});

async function link(...args: readonly string[]): Promise<Printed> {
  const env = { DATABASE_URL: database.url, COUNTERSIGN_PUBLIC_URL: 'https://gates.example' };
  return await countersign(['sign-in-link', ...args], { env, cwd: folder });
}

test('prints a link that is good for 15 minutes, alone on standard output', async () => {
  const printed = await link('dana');
  expect(printed.code).toBe(0);
  const code = /^https:\/\/gates\.example\/signin\/link\/([\w-]{43})\n$/.exec(printed.stdout)?.[1];
  const found = await findSignInLink(database.db, code ?? '');
  expect(found).toMatchObject({ personId: 'dana', name: 'Dana Rivera' });
  const minutes = ((found?.expiresAt.getTime() ?? 0) - Date.now()) / 60_000;
  expect(minutes).toBeLessThanOrEqual(15);
  expect(minutes).toBeGreaterThan(5);
});

test('makes none for nobody', async () => {
  expect(await link('nobody')).toMatchObject({ code: 1, stdout: '' });
});

test('the people of the examples are made once: who was removed stays so', async () => {
  expect(DEMO_PEOPLE.map(({ id, groups }) => [id, groups])).toEqual([
    ['dana', ['finance']],
    ['lee', ['legal']],
    ['sam', ['finance', 'legal']],
  ]);
  await removePerson(database.db, SYSTEM, 'sam');
  await bootstrap(database.url, join(folder, 'token'), DEMO_PEOPLE);
  const people = await listPeople(database.db, SYSTEM.projectId);
  expect(people.map(({ id, roles }) => [id, roles])).toEqual([
    ['admin', ['reviewer', 'admin']],
    ['dana', ['reviewer']],
    ['lee', ['reviewer']],
  ]);
  expect(await link('sam')).toMatchObject({ code: 1, stdout: '' });
});
