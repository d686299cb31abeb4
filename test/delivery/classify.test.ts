import { randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { Client, type Connection, ServiceError } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { classify, type Delivery } from '../../src/delivery/classify.js';
import { openTemporal, type Temporal } from '../../src/delivery/temporal.js';
import { freePort, LOOPBACK } from '../../src/dev/ports.js';
import type { ReviewerDecision } from '../../src/domain/messages.js';
import type { RunOrder } from '../../src/domain/orders.js';
import { connectToTemporal } from '../support/temporal.js';
import { openBlackHole } from './black-hole.js';
import { completeWorkflow } from './workflows.js';

const address = inject('temporalAddress');
const env = (about: Record<string, string> = {}) => ({
  TEMPORAL_ADDRESS: address,
  COUNTERSIGN_TASK_QUEUE: `test-${randomUUID()}`,
  ...about,
});

let connection: Connection;
let client: Client;
let temporal: Temporal;
beforeAll(() => {
  connection = connectToTemporal(address);
  client = new Client({ connection });
  temporal = openTemporal(env());
});
afterAll(async () => {
  await temporal.close();
  await connection.close();
});

/** A vote whose id is as long as a test wants the payload to be. */
function aDecision(bytes = 1): ReviewerDecision {
  return {
    review_id: 'rev_1',
    fact: { kind: 'cancelled', seq: 1, id: 'x'.repeat(bytes), actorId: 'u_ann' },
    status: { status: 'REVOKED', versionId: null },
  };
}

/** Starts a workflow that nobody works on, and gives its id. */
async function aWorkflow(taskQueue: string = randomUUID()): Promise<string> {
  const workflowId = `test-${randomUUID()}`;
  await client.workflow.start('any', { taskQueue, workflowId });
  return workflowId;
}

/** What delivery makes of what a call is answered. */
async function made(call: Promise<unknown>): Promise<Delivery> {
  return await call.then(() => ({ kind: 'delivered' }), classify);
}

describe('what the server answers to a signal', () => {
  test('for a workflow that runs is delivered, with no worker far and wide', async () => {
    expect(await made(temporal.signal(await aWorkflow(), aDecision()))).toEqual({
      kind: 'delivered',
    });
  });

  test('for an id that never was is missing', async () => {
    expect(await made(temporal.signal(`never-${randomUUID()}`, aDecision()))).toEqual({
      kind: 'missing',
    });
  });

  test('for a workflow that has completed is closed', async () => {
    const taskQueue = randomUUID();
    const workflowId = await aWorkflow(taskQueue);
    await completeWorkflow(connection, taskQueue);
    expect(await temporal.describe(workflowId)).toMatchObject({ state: 'closed' });
    expect(await made(temporal.signal(workflowId, aDecision()))).toEqual({ kind: 'closed' });
  });

  test('for a workflow that was terminated or cancelled is closed', async () => {
    const workflowId = await aWorkflow();
    await client.workflow.getHandle(workflowId).terminate();
    expect(await made(temporal.signal(workflowId, aDecision()))).toEqual({ kind: 'closed' });
  });

  test('in a namespace that does not exist is a matter of configuration', async () => {
    const elsewhere = openTemporal(env({ TEMPORAL_NAMESPACE: 'no-such-namespace' }));
    try {
      const wrong = { kind: 'config', reason: "namespace 'no-such-namespace' does not exist" };
      expect(await made(elsewhere.signal('any', aDecision()))).toEqual(wrong);
      expect(await made(elsewhere.cancel('any'))).toEqual(wrong);
      expect(await made(elsewhere.start(anOrder('run_1')))).toEqual(wrong);
    } finally {
      await elsewhere.close();
    }
  });

  test.each([
    [3, 'INVALID_ARGUMENT: Blob data size exceeds limit.'],
    [5, /^RESOURCE_EXHAUSTED: .*message larger than max/],
  ])('with a payload of %i MB is permanent: it would never fit', async (megabytes, reason) => {
    const delivery = await made(
      temporal.signal(await aWorkflow(), aDecision(megabytes * 1024 * 1024)),
    );
    expect(delivery.kind).toBe('permanent');
    const said = 'reason' in delivery ? delivery.reason : '';
    expect(said).toMatch(typeof reason === 'string' ? new RegExp(reason) : reason);
  });
});

/** What starts the workflow of a run, of which nothing is to be done. */
function anOrder(runId: string): RunOrder {
  return { run_id: runId, workflow_id: 'invoices', blocks: [] };
}

describe('what the server answers to a start and a cancel', () => {
  test('for a run that runs already is delivered again, and it is the same execution', async () => {
    const run = anOrder(`run_${randomUUID()}`);
    expect(await made(temporal.start(run))).toEqual({ kind: 'delivered' });
    const first = await client.workflow.getHandle(run.run_id).describe();
    expect(await made(temporal.start(run))).toEqual({ kind: 'delivered' });
    const again = await client.workflow.getHandle(run.run_id).describe();
    expect(again.runId).toBe(first.runId);
    await client.workflow.getHandle(run.run_id).terminate();
  });

  test('for a run that has ended is closed: it is never started twice', async () => {
    const run = anOrder(`run_${randomUUID()}`);
    await temporal.start(run);
    await client.workflow.getHandle(run.run_id).terminate();
    expect(await made(temporal.start(run))).toEqual({ kind: 'closed' });
    expect(await temporal.describe(run.run_id)).toMatchObject({ state: 'closed' });
  });

  test('of a workflow that has ended is OK, and of one that never was is missing', async () => {
    const workflowId = await aWorkflow();
    await client.workflow.getHandle(workflowId).terminate();
    expect(await made(temporal.cancel(workflowId))).toEqual({ kind: 'delivered' });
    expect(await made(temporal.cancel(`never-${randomUUID()}`))).toEqual({ kind: 'missing' });
    expect(await temporal.describe(`never-${randomUUID()}`)).toMatchObject({ state: 'missing' });
  });
});

describe('what is made of a server that is away', () => {
  const DEADLINE_MS = 700;

  /** What is made of each kind of call, each of which ends by its deadline. */
  async function deliveriesTo(address: string): Promise<readonly Delivery[]> {
    const away = openTemporal(env({ TEMPORAL_ADDRESS: address }), DEADLINE_MS);
    try {
      return await Promise.all(
        [
          () => away.signal('any', aDecision()),
          () => away.cancel('any'),
          () => away.start(anOrder('run_1')),
          () => away.describe('any'),
        ].map((call) => made(call())),
      );
    } finally {
      await away.close();
    }
  }

  test('whose port is refused: an outage, within the deadline', async () => {
    const deliveries = await deliveriesTo(`${LOOPBACK}:${await freePort()}`);
    for (const delivery of deliveries) {
      expect(delivery).toMatchObject({ kind: 'retry', isOutage: true });
      expect('reason' in delivery ? delivery.reason : '').toMatch(
        /^Temporal (cannot be reached|did not answer in time)$/,
      );
    }
  });

  test('that takes the connection and says nothing: an outage, at the deadline', async () => {
    const hole = await openBlackHole();
    try {
      const deliveries = await deliveriesTo(hole.address);
      for (const delivery of deliveries) {
        expect(delivery).toMatchObject({ kind: 'retry', isOutage: true });
        expect('reason' in delivery ? delivery.reason : '').toBe('Temporal did not answer in time');
      }
    } finally {
      await hole.close();
    }
  });
});

describe('what other errors are', () => {
  const grpc = (code: status, details = 'details') =>
    new ServiceError('the call failed', {
      cause: Object.assign(new Error('grpc'), { code, details, metadata: {} }),
    });
  test.each<[string, unknown, Delivery]>([
    [
      'a rate limit',
      grpc(status.RESOURCE_EXHAUSTED, 'namespace rate limit exceeded'),
      {
        kind: 'retry',
        reason: 'RESOURCE_EXHAUSTED: namespace rate limit exceeded',
        isOutage: false,
      },
    ],
    [
      'a workflow that is closing at this moment',
      grpc(status.RESOURCE_EXHAUSTED, 'workflow operation can not be applied'),
      {
        kind: 'retry',
        reason: 'RESOURCE_EXHAUSTED: workflow operation can not be applied',
        isOutage: false,
      },
    ],
    [
      'something internal',
      grpc(status.INTERNAL),
      { kind: 'retry', reason: 'INTERNAL: details', isOutage: false },
    ],
    [
      'a call that the transport gave up',
      grpc(status.CANCELLED),
      { kind: 'retry', reason: 'the connection to Temporal was closed', isOutage: true },
    ],
    [
      'wrong credentials',
      grpc(status.UNAUTHENTICATED),
      { kind: 'config', reason: 'UNAUTHENTICATED: details' },
    ],
    [
      'too few rights',
      grpc(status.PERMISSION_DENIED),
      { kind: 'config', reason: 'PERMISSION_DENIED: details' },
    ],
    [
      'something that the server does not have',
      grpc(status.UNIMPLEMENTED),
      { kind: 'config', reason: 'UNIMPLEMENTED: details' },
    ],
    [
      'something that is not so',
      grpc(status.FAILED_PRECONDITION),
      { kind: 'permanent', reason: 'FAILED_PRECONDITION: details' },
    ],
    ['nothing of the server', new Error('socket hang up'), RETRY('socket hang up')],
    ['no error at all', 'away', RETRY('away')],
  ])('%s', (_, error, delivery) => {
    expect(classify(error)).toEqual(delivery);
  });
});

function RETRY(reason: string): Delivery {
  return { kind: 'retry', reason, isOutage: true };
}
