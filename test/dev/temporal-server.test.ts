import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Client, type Connection } from '@temporalio/client';
import { msToTs, optionalTsToMs } from '@temporalio/common/lib/time.js';
import { temporal } from '@temporalio/proto';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { spawnGuarded } from '../../src/dev/guarded-process.js';
import { freePort, LOOPBACK } from '../../src/dev/ports.js';
import { processIdentity } from '../../src/dev/process-identity.js';
import { SetupError } from '../../src/dev/setup-error.js';
import { findTemporalCli } from '../../src/dev/temporal-cli.js';
import {
  startTemporalServer,
  type TemporalOptions,
  type TemporalServer,
} from '../../src/dev/temporal-server.js';
import { noteServer } from '../../src/dev/temporal/old-server.js';
import { connectToTemporal } from '../support/temporal.js';
import { testHome, type TestHome } from '../support/test-home.js';

const { path: cli } = await findTemporalCli({ env: process.env });
const running = new Set<TemporalServer>();
const start = async (
  options: Partial<TemporalOptions> & { home: string },
): Promise<TemporalServer> => {
  const server = await startTemporalServer({ cli, ...options });
  running.add(server);
  return server;
};
afterEach(async () => {
  await Promise.all([...running].map((server) => server.stop({ force: true })));
  running.clear();
});

describe('a server with state', () => {
  let home: TestHome;
  beforeAll(async () => {
    home = await testHome('temporal');
  });
  afterAll(async () => {
    await home.remove();
  });

  test('keeps workflows and ports through a stop and through a kill', async () => {
    // Not the usual ports: another stack may take them between two starts.
    const first = await start({
      home: home.path,
      port: await freePort(),
      uiPort: await freePort(),
    });
    await using(first.address, async (client) => {
      await client.workflow.start('any', { taskQueue: 'nobody', workflowId: 'kept' });
    });
    await first.stop();
    expect(await first.exited).toMatchObject({ code: 0 });

    const second = await start({ home: home.path });
    expect([second.address, second.uiUrl]).toEqual([first.address, first.uiUrl]);
    process.kill(second.pid, 'SIGKILL');
    expect(await second.exited).toMatchObject({ signal: 'SIGKILL' });

    const { port, uiPort } = second;
    const third = await start({ home: home.path, port, ...(uiPort === null ? {} : { uiPort }) });
    expect(third.address).toBe(first.address);
    await using(third.address, async (client) => {
      const { status } = await client.workflow.getHandle('kept').describe();
      expect(status.name).toBe('RUNNING');
    });
    expect((await fetch(third.uiUrl ?? '')).status).toBe(200);
  });

  test('keeps closed workflows for 30 days', async () => {
    const server = await start({ home: home.path });
    expect(await retentionDays(server.address, 'default')).toBe(30);
  });

  test('ends a server that an earlier process left running on it', async () => {
    const left = await spawnGuarded({
      file: 'sleep',
      args: ['100'],
      deathSignal: 'KILL',
      stdio: 'ignore',
    });
    const pid = left.pid ?? 0;
    onTestFinished(() => void left.kill('SIGKILL'));
    await noteServer(join(home.path, 'temporal', 'server.json'), pid);
    await start({ home: home.path });
    expect(await processIdentity(pid)).toBeNull();
  });

  test('takes other ports when its own are taken, unless it must not', async () => {
    const port = await freePort();
    const rival = createServer().listen(port, LOOPBACK);
    await once(rival, 'listening');
    onTestFinished(() => void rival.close());
    const starting = startTemporalServer({ cli, home: home.path, port, patienceMs: 0 });
    await expect(starting).rejects.toBeInstanceOf(SetupError);
    await expect(starting).rejects.toThrow(
      /^The Temporal server ended before it was ready \(exit code 1\)/,
    );
    expect((await start({ home: home.path })).port).not.toBe(port);
  });
});

test('a server in memory makes the namespace that is asked for, and ends with no ceremony', async () => {
  const home = await testHome('temporal');
  onTestFinished(() => home.remove());
  const server = await start({ home: home.path, inMemory: true, namespace: 'mine' });
  expect(server.uiUrl).toBeNull();
  expect(await retentionDays(server.address, 'mine')).toBe(30);
  await server.stop();
  expect(await server.exited).toMatchObject({ signal: 'SIGKILL' });
});

test('a server hands on activities with the task that schedules them, and keeps a task queue in one piece', async () => {
  const home = await testHome('temporal');
  onTestFinished(() => home.remove());
  const server = await start({ home: home.path, inMemory: true });
  const connection = connectToTemporal(server.address);
  onTestFinished(() => connection.close());
  expect(await partitionsOf(connection, 'whole')).toBe(1);
  expect(await activitiesHandedOn(connection, 'eager')).toEqual(['eager-activity']);
});

test('a file that is no Temporal CLI is an error that names the log', async () => {
  const home = await testHome('temporal');
  onTestFinished(() => home.remove());
  const starting = startTemporalServer({ cli: '/bin/false', home: home.path });
  await expect(starting).rejects.toThrow(
    `The Temporal server ended before it was ready (exit code 1): see ${join(home.path, 'logs', 'temporal.log')}.`,
  );
});

async function using(address: string, use: (client: Client) => Promise<void>): Promise<void> {
  const connection = connectToTemporal(address);
  try {
    await use(new Client({ connection }));
  } finally {
    await connection.close();
  }
}

async function retentionDays(address: string, namespace: string): Promise<number> {
  const connection = connectToTemporal(address);
  try {
    const { config } = await connection.workflowService.describeNamespace({ namespace });
    return (optionalTsToMs(config?.workflowExecutionRetentionTtl) ?? 0) / 86_400_000;
  } finally {
    await connection.close();
  }
}

async function partitionsOf({ workflowService }: Connection, taskQueue: string): Promise<number> {
  const { workflowTaskQueuePartitions } = await workflowService.listTaskQueuePartitions({
    namespace: 'default',
    taskQueue: { name: taskQueue },
  });
  return workflowTaskQueuePartitions.length;
}

/** Works off the first task of a workflow as an SDK would, and says which activities come with the answer. */
async function activitiesHandedOn(
  connection: Connection,
  taskQueue: string,
): Promise<readonly (string | null | undefined)[]> {
  const { workflowService } = connection;
  const queue = { namespace: 'default', taskQueue: { name: taskQueue }, identity: 'test' };
  await new Client({ connection }).workflow.start('any', { taskQueue, workflowId: taskQueue });
  const { taskToken } = await connection.withDeadline(Date.now() + 30_000, () =>
    workflowService.pollWorkflowTaskQueue(queue),
  );
  const { activityTasks } = await workflowService.respondWorkflowTaskCompleted({
    namespace: 'default',
    identity: 'test',
    taskToken,
    commands: [
      {
        commandType: temporal.api.enums.v1.CommandType.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK,
        scheduleActivityTaskCommandAttributes: {
          activityId: `${taskQueue}-activity`,
          activityType: { name: 'any' },
          taskQueue: { name: taskQueue },
          startToCloseTimeout: msToTs('1 minute'),
          requestEagerExecution: true,
        },
      },
    ],
  });
  return activityTasks.map(({ activityId }) => activityId);
}
