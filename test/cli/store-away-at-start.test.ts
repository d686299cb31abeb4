import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { TransportError } from '@temporalio/worker';
import { DatabaseError } from 'pg';
import { expect, inject, onTestFinished, test } from 'vitest';
import { untilStoreAnswers } from '../../src/cli/until-store-answers.js';
import { untilTemporalAnswers } from '../../src/cli/until-temporal-answers.js';
import { freePort } from '../../src/dev/ports.js';
import { StoreAwayError } from '../../src/store/store-away.js';
import { createTestDatabase, databaseUrl } from '../support/database.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { until } from '../support/until.js';

const BIN = fileURLToPath(new URL('../../bin/countersign.js', import.meta.url));

type Started = { readonly child: ChildProcess; readonly said: () => string };

/** Starts a process of ours, and keeps what it says. */
async function start(
  command: string,
  url: string,
  temporalAddress: string = inject('temporalAddress'),
): Promise<Started> {
  const child = spawn(process.execPath, [BIN, command], {
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      PORT: `${await freePort()}`,
      DATABASE_URL: url,
      TEMPORAL_ADDRESS: temporalAddress,
      LOG_LEVEL: 'info',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(async () => {
    if (child.exitCode === null && child.kill('SIGTERM')) {
      await once(child, 'exit');
    }
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  return { child, said: () => said };
}

test.each([
  ['api', 'the API is listening'],
  ['worker', 'Worker state changed'],
  ['migrate', 'schema: up to date'],
])('%s waits for a PostgreSQL that is not there yet, and says so', async (command, ready) => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const proxy = await TcpProxy.inFrontOf(database.url);
  onTestFinished(() => proxy.close());
  proxy.refuse();
  const { child, said } = await start(command, proxy.through(database.url));
  await until('it to wait', () => said().includes('waiting for PostgreSQL'));
  expect(child.exitCode).toBeNull();
  proxy.resume();
  await until('it to go on', () => said().includes(ready) || child.exitCode !== null);
  expect(said()).toContain(ready);
});

test('a worker waits for a Temporal that is not there yet, and says so', async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const proxy = await TcpProxy.inFrontOf(`tcp://${inject('temporalAddress')}`);
  onTestFinished(() => proxy.close());
  proxy.refuse();
  const { host } = new URL(proxy.through('tcp://127.0.0.1:1'));
  const { child, said } = await start('worker', database.url, host);
  await until('it to wait', () => said().includes('waiting for Temporal'));
  expect(child.exitCode).toBeNull();
  proxy.resume();
  await until(
    'it to go on',
    () => said().includes('Worker state changed') || child.exitCode !== null,
  );
  expect(said()).toContain('Worker state changed');
});

test('a process ends at once where there is no such database', async () => {
  const { child, said } = await start('migrate', databaseUrl(inject('postgresUrl'), 't_nowhere'));
  await once(child, 'exit');
  expect(child.exitCode).toBe(1);
  expect(said()).toContain('PostgreSQL refuses DATABASE_URL (database "t_nowhere" does not exist)');
  expect(said()).not.toContain('waiting for PostgreSQL');
});

const PATIENCE = { firstPauseMs: 1, longestPauseMs: 2, giveUpAfterMs: 60_000 };
const refused = (code: string) =>
  Object.assign(new DatabaseError(`it says ${code}`, 1, 'error'), { code, severity: 'FATAL' });

test('a start-up is waited for, as long as patience lasts', async () => {
  const waits: string[] = [];
  let asked = 0;
  const ask = async () => {
    asked += 1;
    return asked < 4 ? await Promise.reject(refused('57P03')) : 'there';
  };
  expect(await untilStoreAnswers(ask, (reason) => waits.push(reason), PATIENCE)).toBe('there');
  expect(waits).toEqual(['it says 57P03', 'it says 57P03', 'it says 57P03']);
});

test('after that the error says what to do', async () => {
  const giving = untilStoreAnswers(
    () => Promise.reject(refused('57P03')),
    () => {},
    { ...PATIENCE, giveUpAfterMs: -1 },
  );
  await expect(giving).rejects.toThrow(
    new StoreAwayError(
      'PostgreSQL does not answer at DATABASE_URL (it says 57P03): start it, or correct the URL.',
    ),
  );
});

test.each(['28P01', '28000', '3D000', '42501'])(
  'refused with %s, which waiting does not mend, nobody waits',
  async (code) => {
    const asking = untilStoreAnswers(
      () => Promise.reject(refused(code)),
      () => expect.fail('it waited'),
      PATIENCE,
    );
    await expect(asking).rejects.toMatchObject({ code });
  },
);

test.each([
  'The request does not have valid authentication credentials',
  'The caller does not have permission to execute the specified operation',
  'invalid peer certificate: UnknownIssuer',
])('a worker does not wait where Temporal says: %s', async (message) => {
  const connecting = untilTemporalAnswers(
    () => Promise.reject(new TransportError(message)),
    () => expect.fail('it waited'),
    PATIENCE,
  );
  await expect(connecting).rejects.toThrow(message);
});
