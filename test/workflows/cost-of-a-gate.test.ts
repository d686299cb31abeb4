import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { temporal } from '@temporalio/proto';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { createApp } from '../../src/api/app.js';
import { createChangeHub } from '../../src/api/change-hub.js';
import { createReadiness } from '../../src/api/readiness.js';
import { RunTurns } from '../../src/api/run-turns.js';
import { installRuntime, startWorker } from '../../src/cli/worker-process.js';
import { createClient } from '../../src/client/index.js';
import { LEASE_MS, Sender } from '../../src/delivery/sender.js';
import { openTemporal } from '../../src/delivery/temporal.js';
import { SYSTEM } from '../../src/store/actors.js';
import { openDatabase } from '../../src/store/database.js';
import { PATIENT_LIMITS } from '../../src/store/limits.js';
import { putPerson } from '../../src/store/people.js';
import { findStep } from '../../src/store/steps.js';
import { createToken } from '../../src/store/tokens.js';
import { createTestDatabase } from '../support/database.js';
import { Operator } from '../support/operator.js';
import { PostgresMeter, type Spent, spentSince } from '../support/postgres-meter.js';
import { until } from '../support/until.js';

/** Nobody looks for what is owed while a run is counted: what is sent is sent by who owes it. */
const NEVER_MS = 3_600_000;

/** An API and a worker whose every byte to PostgreSQL is counted. */
async function startCounted() {
  const database = await createTestDatabase();
  const env = {
    TEMPORAL_ADDRESS: inject('temporalAddress'),
    COUNTERSIGN_TASK_QUEUE: `test-${randomUUID()}`,
  };
  const logger = pino({ level: process.env['TEST_LOG'] ?? 'silent' });
  installRuntime(logger);
  const meters = {
    api: await PostgresMeter.inFrontOf(database.url),
    worker: await PostgresMeter.inFrontOf(database.url),
  };
  const worker = await startWorker({
    databaseUrl: meters.worker.through(database.url),
    env,
    functions: {},
    logger,
    senderPollMs: NEVER_MS,
  });
  const counted = openDatabase(meters.api.through(database.url), {
    limits: PATIENT_LIMITS,
  });
  const { db, reads } = counted;
  const delivery = openTemporal(env);
  const sender = new Sender({ db, temporal: delivery, logger, pollMs: NEVER_MS });
  const changes = createChangeHub(() => async () => {});
  const app = createApp({
    db,
    reads,
    turns: new RunTurns(reads),
    readiness: createReadiness({ db, probe: db }, logger),
    changes,
    diagnose: async () => ({ findings: [], isComplete: true }),
    forward: (messages) => sender.forward(messages),
    forwardLeaseMs: LEASE_MS,
    temporalState: () => ({ reachable: true, since: null }),
    logger,
    version: '0.0.0-test',
    temporalUiUrl: null,
    temporalUrlOf: () => null,
    publicUrl: null,
    webFolder: null,
    oidc: null,
  });
  const server = createServer(app);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  const person = {
    id: 'u_ann',
    name: 'Ann',
    email: 'ann@example.com',
    slackId: '',
    groups: ['finance'],
    roles: ['reviewer', 'admin'] as const,
  };
  await putPerson(database.db, SYSTEM, person);
  const { secret } = await createToken(database.db, SYSTEM, { personId: person.id });
  return {
    database,
    operator: new Operator(delivery.connection),
    client: createClient({ url, token: secret }),
    spent: (): readonly Spent[] => [meters.api.spent, meters.worker.spent],
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await changes.end();
      await worker.stop();
      await sender.stop();
      await delivery.close();
      await counted.close();
      await Promise.all([meters.api.close(), meters.worker.close()]);
      await database.drop();
    },
  };
}

type Counted = Awaited<ReturnType<typeof startCounted>>;

describe('the cost of one run with one gate and one vote', () => {
  let on: Counted;

  beforeAll(async () => {
    on = await startCounted();
    await on.client.workflows.put('invoices', {
      blocks: [
        {
          id: 'extract',
          type: 'extract',
          executor: { kind: 'supplied' },
          review: { groups: ['finance'] },
        },
        { id: 'book', type: 'task', executor: { kind: 'pass' } },
      ],
    });
    // Connections, prepared statements and definitions are there from the second run on.
    await aRun();
    await aRun();
  });
  afterAll(() => on.stop());

  /** Runs once through the gate, and says what that took. */
  async function aRun() {
    const { client, operator, database } = on;
    const before = on.spent();
    const run = await client.runs.start({
      workflow_id: 'invoices',
      json_inputs: { extract: { total: 5, vendor: 'Acme' } },
    });
    const review = await until('the review', async () => {
      const row = await database.db
        .selectFrom('review')
        .select(['id', 'newestVersionId'])
        .where('runId', '=', run.id)
        .executeTakeFirst();
      return row ?? null;
    });
    const gate = (await findStep(database.db, 'prj_default', `${run.id}_extract`))?.holder ?? '';
    await operator.idle(gate);
    await operator.idle(run.id);
    await until('the start to be entered', () => isNothingOwed(run.id));
    const parked = on.spent();
    await client.reviews.get(review.id);
    const read = on.spent();
    const answer = await client.reviews.approve(review.id, review.newestVersionId);
    const answered = on.spent();
    expect(answer).toMatchObject({ submission_status: 'accepted', resume_status: 'resumed' });
    for (const id of [run.id, gate]) {
      await until(`the end of ${id}`, async () => (await operator.status(id)) === 'COMPLETED');
    }
    await until('the signal to be entered', () => isNothingOwed(run.id));
    const ended = on.spent();
    const [ofRun, ofGate] = [await operator.history(run.id), await operator.history(gate)];
    const toPark = spentSince(before, parked);
    const toAnswer = spentSince([read[0] ?? NOTHING], [answered[0] ?? NOTHING]);
    const afterRead = spentSince(read, ended);
    return { ofRun, ofGate, toAnswer, all: added(toPark, afterRead) };
  }

  async function isNothingOwed(runId: string): Promise<boolean> {
    const { db } = on.database;
    const owed = await db.selectFrom('outbox').select('id').where('runId', '=', runId).execute();
    return owed.length === 0;
  }

  test('does not grow', async () => {
    const { ofRun, ofGate, toAnswer, all } = await aRun();
    const cost = { ...costOfHistories(ofRun, ofGate), toAnswer, all };
    if (process.env['TEST_LOG'] !== undefined) {
      console.log(JSON.stringify(cost, null, 2));
    }
    expect(cost.eventsOfRun, 'history events of the run').toBeLessThanOrEqual(24);
    expect(cost.eventsOfGate, 'history events of the gate').toBeLessThanOrEqual(10);
    expect(cost.bytes, 'bytes of both histories').toBeLessThanOrEqual(8.5 * 1024);
    expect(cost.workflowTasks, 'workflow tasks').toBeLessThanOrEqual(7);
    expect(cost.activities, 'activities').toBeLessThanOrEqual(2);
    expect(cost.actions, 'Temporal actions').toBeLessThanOrEqual(7);
    expect(toAnswer.roundTrips, 'round trips before the vote is answered').toBeLessThanOrEqual(2);
    expect(all.roundTrips, 'round trips').toBeLessThanOrEqual(12);
    expect(all.statements, 'statements').toBeLessThanOrEqual(50);
    expect(all.writeCommits, 'write commits').toBeLessThanOrEqual(7);
    expect(all.notifications).toBe(0);
  });
});

const NOTHING: Spent = { roundTrips: 0, statements: 0, writeCommits: 0, notifications: 0 };

function added(one: Spent, other: Spent): Spent {
  return spentSince([NOTHING, NOTHING], [one, other]);
}

type History = Awaited<ReturnType<Operator['history']>>;

function costOfHistories(ofRun: History, ofGate: History) {
  const events = [...ofRun, ...ofGate];
  const count = (key: keyof History[number]): number =>
    events.filter((event) => event[key] !== null && event[key] !== undefined).length;
  const activities =
    count('activityTaskScheduledEventAttributes') +
    // Those in a workflow's own task.
    count('markerRecordedEventAttributes');
  const signals = count('workflowExecutionSignaledEventAttributes');
  return {
    eventsOfRun: ofRun.length,
    eventsOfGate: ofGate.length,
    bytes: temporal.api.history.v1.History.encode({ events }).finish().length,
    workflowTasks: count('workflowTaskCompletedEventAttributes'),
    activities,
    // What Temporal Cloud bills: a start (a child counts twice), signals, activities, timers.
    actions:
      1 +
      2 * count('startChildWorkflowExecutionInitiatedEventAttributes') +
      signals +
      activities +
      count('timerStartedEventAttributes'),
  };
}
