import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { type Connection, ServiceError } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { sql } from 'kysely';
import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  inject,
  onTestFinished,
  test,
} from 'vitest';
import { send, settle } from '../../src/delivery/deliver.js';
import {
  type DeliveryLogger,
  FORWARD_DEADLINE_MS,
  LEASE_MS,
  Sender,
} from '../../src/delivery/sender.js';
import { openTemporal, type Temporal } from '../../src/delivery/temporal.js';
import { freePort, LOOPBACK } from '../../src/dev/ports.js';
import { findTemporalCli } from '../../src/dev/temporal-cli.js';
import { startTemporalServer } from '../../src/dev/temporal-server.js';
import { SYSTEM } from '../../src/store/actors.js';
import { cancelRun } from '../../src/store/cancel-run.js';
import { inTransaction, openDatabase } from '../../src/store/database.js';
import { takeStep } from '../../src/store/gates.js';
import {
  type LeasedMessage,
  leaseDueMessages,
  oweMessage,
  readBacklog,
  resumeOf,
} from '../../src/store/outbox.js';
import type { VoteResult } from '../../src/store/record-vote.js';
import { createRun, getRun } from '../../src/store/runs.js';
import type { OutboxRow } from '../../src/store/tables.js';
import { putWorkflow } from '../../src/store/workflows.js';
import { gateOf } from '../support/callers.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { Operator } from '../support/operator.js';
import {
  aBlock,
  aDefinition,
  aParkedGate,
  aRun,
  members,
  type ParkedGate,
  person,
  vote,
} from '../support/parked.js';
import { connectToTemporal } from '../support/temporal.js';
import { testHome } from '../support/test-home.js';
import { until } from '../support/until.js';
import { openBlackHole } from './black-hole.js';

const ADDRESS = inject('temporalAddress');
const OF_FINANCE = (required: number) => ({ groups: [{ group: 'finance', required }] });

let database: TestDatabase;
let connection: Connection;
let operator: Operator;
beforeAll(async () => {
  database = await createTestDatabase();
  connection = connectToTemporal(ADDRESS);
  operator = new Operator(connection);
});
// A sender delivers whatever is owed in its database, so a test leaves nothing.
afterEach(async () => {
  await database.db.deleteFrom('outbox').execute();
});
afterAll(async () => {
  await connection.close();
  await database.drop();
});

type Line = { readonly level: string; readonly message: string; readonly fields: object };

type RunningSender = {
  readonly sender: Sender;
  readonly temporal: Temporal;
  readonly log: readonly Line[];
  /** What became of each message, as it is told to metrics. */
  readonly settled: readonly string[];
};

/** A sender that runs until its test ends. */
function aSender(
  about: {
    readonly env?: Record<string, string>;
    readonly deadlineMs?: number;
    readonly pollMs?: number;
    readonly gateAtLatestMs?: number;
    /** Puts something in the way of the real thing. */
    readonly through?: (temporal: Temporal) => Partial<Temporal>;
  } = {},
): RunningSender {
  const { db } = database;
  const log: Line[] = [];
  const settled: string[] = [];
  const logged =
    (level: string) =>
    (fields: object, message: string): void => {
      log.push({ level, message, fields });
    };
  const logger: DeliveryLogger = {
    info: logged('info'),
    warn: logged('warn'),
    error: logged('error'),
  };
  const env = {
    TEMPORAL_ADDRESS: ADDRESS,
    COUNTERSIGN_TASK_QUEUE: `test-${randomUUID()}`,
    ...about.env,
  };
  const real = openTemporal(env, about.deadlineMs);
  const temporal: Temporal = { ...real, ...about.through?.(real) };
  const sender = new Sender({
    db,
    temporal,
    logger,
    onSettled: (kind, how) => settled.push(`${kind} ${how}`),
    ...(about.pollMs === undefined ? {} : { pollMs: about.pollMs }),
    ...(about.gateAtLatestMs === undefined ? {} : { gateAtLatestMs: about.gateAtLatestMs }),
  });
  sender.start();
  onTestFinished(async () => {
    await sender.stop();
    await temporal.close();
  });
  return { sender, temporal, log, settled };
}

/** A parked gate whose holder runs in Temporal, with no worker far and wide. */
async function aGateInTemporal(required = 2, where: Operator = operator): Promise<ParkedGate> {
  const gate = await aParkedGate(database.db, OF_FINANCE(required));
  await startHolder(gate.holder, where);
  return gate;
}

async function startHolder(workflowId: string, where: Operator = operator): Promise<void> {
  await where.client.workflow.start('gatedBlockRun', { taskQueue: randomUUID(), workflowId });
}

/** The signals in a workflow's history, decoded. */
async function signalsOf(workflowId: string, where: Operator = operator): Promise<unknown[]> {
  const events = await where.history(workflowId);
  return events.flatMap(({ workflowExecutionSignaledEventAttributes: signaled }) => {
    const data = signaled?.input?.payloads?.[0]?.data;
    return signaled?.signalName === 'reviewerDecision' && data !== null && data !== undefined
      ? [JSON.parse(Buffer.from(data).toString()) as unknown]
      : [];
  });
}

async function hasCancelRequest(workflowId: string): Promise<boolean> {
  return (await operator.history(workflowId)).some(
    ({ workflowExecutionCancelRequestedEventAttributes: asked }) =>
      asked !== null && asked !== undefined,
  );
}

async function outboxOf(runId: string): Promise<readonly OutboxRow[]> {
  return await database.db
    .selectFrom('outbox')
    .selectAll()
    .where('runId', '=', runId)
    .orderBy('id')
    .execute();
}

/** Waits until nothing is owed for a run. */
async function untilNothingIsOwed(runId: string): Promise<readonly OutboxRow[]> {
  return await until(`nothing to be owed for ${runId}`, async () => {
    const rows = await outboxOf(runId);
    return rows.every(({ state }) => state !== 'pending') ? rows : null;
  });
}

/** A message that is in no outbox, for a workflow that does not exist. */
function nobodys(id: string): LeasedMessage {
  return {
    id,
    leaseToken: 'none',
    projectId: 'prj_default',
    runId: 'run_none',
    kind: 'signal',
    workflowId: 'none',
    reviewId: 'rev_none',
    payload: null,
    endedStepId: null,
    workflowVersionId: 'wfv_none',
    attempts: 1,
  };
}

/** Waits until a sender has said how messages ended, which it does once that is in the store. */
async function untilSettled(
  settled: readonly string[],
  ...how: readonly [string, ...string[]]
): Promise<void> {
  await until('messages to be entered', () => settled.length >= how.length);
  expect(settled).toEqual(how);
}

const leasesOf = (result: VoteResult) => ('leases' in result ? result.leases : []);
const ann = person('u_ann', 'finance');
/** For a sender that hears, and does not look by itself while a test waits. */
const NEVER_LOOKS_MS = 3_600_000;

describe('a sender', () => {
  test('starts the workflow of a run, under the id of the run and in its own task queue', async () => {
    const { db } = database;
    const { temporal, settled } = aSender();
    const version = await putWorkflow(db, SYSTEM, aDefinition([aBlock('only')]));
    const request = { version, inputs: {}, metadata: null, ownerId: null, commandId: null };
    const { run } = await createRun(db, SYSTEM, { ...request, trigger: 'api' }, 0);
    expect(await untilNothingIsOwed(run.id)).toEqual([]);
    const description = await operator.client.workflow.getHandle(run.id).describe();
    expect(description).toMatchObject({
      type: 'workflowRun',
      taskQueue: temporal.taskQueue,
      status: { name: 'RUNNING' },
    });
    await untilSettled(settled, 'start delivered');
    await operator.terminate(run.id);
  });

  test('signals the holder of the step with exactly what is owed', async () => {
    const { db } = database;
    aSender();
    const gate = await aGateInTemporal();
    const voted = await vote(db, gate, ann, { reason: 'it adds up', leaseMs: LEASE_MS });
    const [message] = leasesOf(voted);
    await untilNothingIsOwed(gate.run.id);
    expect(await signalsOf(gate.holder)).toEqual([message?.payload]);
    expect(await resumeOf(db, gate.review.id)).toEqual({ status: 'resumed', error: null });
  });

  test('cancels the workflow of a run that is cancelled', async () => {
    const { db } = database;
    const { settled } = aSender();
    const gate = await aGateInTemporal();
    await startHolder(gate.run.id);
    await cancelRun(db, SYSTEM, gate.run.id, { reason: 'enough', dialect: 'native' }, 0);
    expect(await untilNothingIsOwed(gate.run.id)).toEqual([]);
    await untilSettled(settled, 'cancel delivered');
    expect(await hasCancelRequest(gate.run.id)).toBe(true);
    // It is for the workflow to end the run.
    expect(await getRun(db, gate.run.id)).toMatchObject({ status: 'cancelling' });
  });

  test('is one of several: with two of them each message is sent once', async () => {
    const { db } = database;
    const [one, other] = [aSender(), aSender()];
    const gates = await Promise.all(Array.from({ length: 10 }, () => aGateInTemporal(6)));
    const people = members('finance', 5);
    await Promise.all(gates.flatMap((gate) => people.map((who) => vote(db, gate, who))));
    for (const gate of gates) {
      await untilNothingIsOwed(gate.run.id);
      const seqs = (await signalsOf(gate.holder)).map(
        (payload) => JSON.stringify(payload).match(/"seq":(\d+)/)?.[1],
      );
      expect(seqs.toSorted((a, b) => Number(a) - Number(b))).toEqual(['1', '2', '3', '4', '5']);
    }
    await until('all to be entered', () => one.settled.length + other.settled.length >= 50);
    expect([...one.settled, ...other.settled]).toEqual(
      Array.from({ length: 50 }, () => 'signal delivered'),
    );
  });

  test('that is woken by its own process does not wait for its next look', async () => {
    const { db } = database;
    const { sender } = aSender({ pollMs: NEVER_LOOKS_MS });
    const gate = await aGateInTemporal(20);
    for (const [n, who] of members('finance', 4).entries()) {
      await vote(db, gate, who);
      // Who owed something that could not be leased has nothing to forward.
      await (n % 2 === 0 ? sender.wake() : sender.forward([]));
      await untilNothingIsOwed(gate.run.id);
    }
  });

  test('goes on when its connections are cut', async () => {
    const { db } = database;
    aSender();
    const gate = await aGateInTemporal(20);
    await sql`select pg_terminate_backend(pid) from pg_stat_activity
               where datname = current_database() and pid <> pg_backend_pid()`.execute(db);
    const [first, second] = members('finance', 2);
    await vote(db, gate, first ?? ann);
    await untilNothingIsOwed(gate.run.id);
    await vote(db, gate, second ?? ann);
    await untilNothingIsOwed(gate.run.id);
    expect(await signalsOf(gate.holder)).toHaveLength(2);
  });

  test('that is stopped has finished what it was sending, and leaves the rest to others', async () => {
    const { db } = database;
    const { sender } = aSender();
    const gates = await Promise.all(Array.from({ length: 8 }, () => aGateInTemporal()));
    await Promise.all(gates.map((gate) => vote(db, gate, ann)));
    await sender.stop();
    const rows = await db.selectFrom('outbox').selectAll().execute();
    for (const { state, leaseToken } of rows) {
      expect(state === 'pending' ? leaseToken : null).toBeNull();
    }
    aSender();
    for (const gate of gates) {
      await untilNothingIsOwed(gate.run.id);
      expect(await signalsOf(gate.holder)).toHaveLength(1);
    }
  });
});

describe('a lease', () => {
  test('of a process that died is taken over when it ends', async () => {
    const { db } = database;
    const gate = await aGateInTemporal();
    const [lease] = leasesOf(await vote(db, gate, ann, { leaseMs: LEASE_MS }));
    expect(lease).toBeDefined(); // and nobody forwards it
    const { settled } = aSender();
    await untilNothingIsOwed(gate.run.id);
    await untilSettled(settled, 'signal delivered');
    // With one look more it is with another sender within five seconds.
    expect(LEASE_MS).toBeLessThanOrEqual(4_000);
  });

  test('is renewed while the call is under way, so that nobody sends the same beside it', async () => {
    const { db } = database;
    let calls = 0;
    let answer = (): void => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const through = () => ({
      signal: async () => {
        calls += 1;
        await answered;
      },
    });
    const [one, other] = [aSender({ through }), aSender({ through })];
    const gate = await aGateInTemporal();
    await vote(db, gate, ann);
    const leased = await until('it to be sent', async () => {
      const [row] = await outboxOf(gate.run.id);
      return row?.leaseUntil ?? null;
    });
    await until('its first lease to be over', async () => {
      const { rows } = await sql<{ isOver: boolean }>`
        select clock_timestamp() > ${leased}::timestamptz + interval '1 second' as is_over`.execute(
        db,
      );
      return rows[0]?.isOver === true;
    });
    answer();
    await untilNothingIsOwed(gate.run.id);
    expect(calls).toBe(1);
    await until('it to be entered', () => one.settled.length + other.settled.length > 0);
    expect([...one.settled, ...other.settled]).toEqual(['signal delivered']);
  });
});

describe('forward', () => {
  test('tells the workflow before it returns, and nobody else sends it too', async () => {
    const { db } = database;
    const { sender } = aSender();
    const gate = await aGateInTemporal();
    const result = await vote(db, gate, ann, { leaseMs: LEASE_MS });
    const [message] = leasesOf(result);
    expect(await sender.forward(leasesOf(result))).toEqual(new Set([message?.id]));
    expect(await signalsOf(gate.holder)).toHaveLength(1);
    await untilNothingIsOwed(gate.run.id);
    expect(await resumeOf(db, gate.review.id)).toEqual({ status: 'resumed', error: null });
    expect(await signalsOf(gate.holder)).toHaveLength(1);
  });

  describe('of an output that is released', () => {
    /** Who was told, in order, while a released output was forwarded. */
    async function tellingOf(
      through: (told: string[], gate: () => ParkedGate) => Partial<Temporal>,
      isRunThere = true,
    ) {
      const { db } = database;
      const told: string[] = [];
      let parked: ParkedGate | null = null;
      const { sender, settled, temporal } = aSender({
        through: () => through(told, () => parked ?? expect.fail('no gate')),
      });
      const gate = await aGateInTemporal(1);
      parked = gate;
      if (isRunThere) {
        await startHolder(gate.run.id);
      }
      const messages = leasesOf(await vote(db, gate, ann, { leaseMs: LEASE_MS }));
      expect(messages).toMatchObject([{ kind: 'signal', endedStepId: gate.stepId }]);
      return { gate, messages, sender, settled, told, temporal };
    }

    test('the run is told first, and its gate once the answer has gone out', async () => {
      let isAnswered = false;
      const telling = await tellingOf((told, gate) => ({
        signal: async (workflowId, decision) => {
          told.push(`gate ${isAnswered ? 'after the answer' : 'before'}`);
          expect(workflowId).toBe(gate().holder);
          await operator.client.workflow.getHandle(workflowId).signal('reviewerDecision', decision);
        },
        hint: async (runId, stepId) => {
          told.push('run');
          await operator.client.workflow.getHandle(runId).signal('stepEnded', { step_id: stepId });
        },
      }));
      const taken = await telling.sender.forward(telling.messages);
      isAnswered = true;
      expect(taken.size).toBe(1);
      await untilSettled(telling.settled, 'signal delivered');
      expect(telling.told).toEqual(['run', 'gate after the answer']);
      expect(await signalsOf(telling.gate.holder)).toHaveLength(1);
      expect(await outboxOf(telling.gate.run.id)).toEqual([]);
    });

    test('of many at once all runs are told first, and then one gate after another', async () => {
      const { db } = database;
      const told: string[] = [];
      let hints = 0;
      let atOnce = 0;
      const { sender, settled } = aSender({
        gateAtLatestMs: Number.POSITIVE_INFINITY,
        through: () => ({
          hint: async () => {
            hints += 1;
            await delay(hints === 3 ? 300 : 0);
            told.push('run');
          },
          signal: async () => {
            told.push('gate');
            atOnce += 1;
            expect(atOnce).toBe(1);
            await delay(300);
            atOnce -= 1;
          },
        }),
      });
      const messages: LeasedMessage[] = [];
      for (let one = 0; one < 3; one += 1) {
        const gate = await aParkedGate(db, OF_FINANCE(1));
        messages.push(...leasesOf(await vote(db, gate, ann, { leaseMs: LEASE_MS })));
      }
      expect((await sender.forward(messages)).size).toBe(3);
      await untilSettled(settled, 'signal delivered', 'signal delivered', 'signal delivered');
      expect(told).toEqual(['run', 'run', 'run', 'gate', 'gate', 'gate']);
    });

    test('a gate does not wait for its turn for ever', async () => {
      const { db } = database;
      const told: string[] = [];
      let release = (): void => {};
      const released = new Promise<void>((resolve) => {
        release = resolve;
      });
      const { sender, settled } = aSender({
        gateAtLatestMs: 200,
        through: () => ({
          hint: async () => {
            told.push('run');
            await (told.length === 2 ? released : null);
          },
          signal: async () => {
            told.push('gate');
          },
        }),
      });
      const messages: LeasedMessage[] = [];
      for (let one = 0; one < 2; one += 1) {
        const gate = await aParkedGate(db, OF_FINANCE(1));
        messages.push(...leasesOf(await vote(db, gate, ann, { leaseMs: LEASE_MS })));
      }
      const forwarding = sender.forward(messages);
      await untilSettled(settled, 'signal delivered');
      expect(told).toEqual(['run', 'run', 'gate']);
      release();
      await forwarding;
    });

    test.each([
      { isOver: false, settled: 'signal failed', resume: 'failed' },
      { isOver: true, settled: 'signal delivered', resume: 'resumed' },
    ] as const)(
      'a run that is gone is $resume: its gate is told all the same (over: $isOver)',
      async ({ isOver, settled, resume }) => {
        const { db } = database;
        const telling = await tellingOf(() => ({}), false);
        const { run, holder, review } = telling.gate;
        if (!isOver) {
          // As it is where another block comes behind.
          const more = { status: 'running', endedAt: null } as const;
          await db.updateTable('run').set(more).where('id', '=', run.id).execute();
        }
        const taken = await telling.sender.forward(telling.messages);
        expect(taken.size).toBe(0);
        await untilSettled(telling.settled, settled);
        expect(await signalsOf(holder)).toHaveLength(1);
        expect(await resumeOf(db, review.id)).toMatchObject({ status: resume });
      },
    );

    test('where only the run could be told, both are told again', async () => {
      const telling = await tellingOf((told) => ({
        hint: async () => {
          told.push('run');
        },
        signal: async () => {
          told.push('gate');
          if (told.length === 2) {
            throw new Error('the connection was lost');
          }
        },
      }));
      expect((await telling.sender.forward(telling.messages)).size).toBe(1);
      await untilSettled(telling.settled, 'signal owed', 'signal delivered');
      expect(telling.told).toEqual(['run', 'gate', 'run', 'gate']);
      expect(await outboxOf(telling.gate.run.id)).toEqual([]);
    });

    test('where Temporal is away neither is told, and the message stays owed', async () => {
      const { db } = database;
      const gate = await aGateInTemporal(1);
      const { sender } = aSender({ env: { TEMPORAL_ADDRESS: '127.0.0.1:1' } });
      const messages = leasesOf(await vote(db, gate, ann, { leaseMs: LEASE_MS }));
      expect((await sender.forward(messages)).size).toBe(0);
      const rows = await until('the row to be free again', async () => {
        const found = await outboxOf(gate.run.id);
        return found.every(({ leaseToken }) => leaseToken === null) ? found : null;
      });
      expect(rows).toMatchObject([{ state: 'pending' }]);
    });
  });

  test('of a rejection tells the gate and cancels the run', async () => {
    const { db } = database;
    const { sender } = aSender();
    const gate = await aGateInTemporal();
    await startHolder(gate.run.id);
    const how = { verdict: 'rejected', leaseMs: LEASE_MS } as const;
    await sender.forward(leasesOf(await vote(db, gate, ann, how)));
    await untilNothingIsOwed(gate.run.id);
    expect(await signalsOf(gate.holder)).toHaveLength(1);
    expect(await hasCancelRequest(gate.run.id)).toBe(true);
  });

  test('never throws: not for nothing, not for a lease that nobody has, not without a database', async () => {
    const { sender } = aSender();
    await sender.forward([]);
    await sender.forward([nobodys('0')]);
    await sender.forward([nobodys('no number')]);

    const gone = openDatabase('postgres://nobody@127.0.0.1:1/none');
    const temporal = openTemporal({ TEMPORAL_ADDRESS: ADDRESS });
    const warnings: string[] = [];
    const warn = (_: object, message: string): void => {
      warnings.push(message);
    };
    const logger: DeliveryLogger = { info: warn, warn, error: warn };
    const without = new Sender({ db: gone.db, temporal, logger });
    await without.forward([nobodys('1')]);
    await until('a warning', () => warnings.length > 0);
    expect(warnings).toEqual(['forwarding failed; the loop will retry']);
    await temporal.close();
    await gone.close();
  });

  test('gives up waiting at its deadline when Temporal takes the call and says nothing', async () => {
    const { db } = database;
    const hole = await openBlackHole();
    onTestFinished(() => hole.close());
    const { sender, settled } = aSender({
      env: { TEMPORAL_ADDRESS: hole.address },
      deadlineMs: 5 * FORWARD_DEADLINE_MS,
    });
    const gate = await aParkedGate(db);
    const result = await vote(db, gate, person('u_ann'), { leaseMs: LEASE_MS });
    const from = performance.now();
    await sender.forward(leasesOf(result));
    expect(performance.now() - from).toBeGreaterThan(FORWARD_DEADLINE_MS - 50);
    expect(settled).toEqual([]); // the call itself still waits
    expect(await resumeOf(db, gate.review.id)).toMatchObject({ status: 'pending' });
    // What was sent in vain is entered all the same, a moment later, and stays owed.
    await until('the outage to be entered', async () => {
      const { error } = await resumeOf(db, gate.review.id);
      return error?.includes('did not answer in time');
    });
  });

  test('does not even try while Temporal is known to be away', async () => {
    const { db } = database;
    const port = await freePort();
    let calls = 0;
    const { sender, log } = aSender({
      env: { TEMPORAL_ADDRESS: `${LOOPBACK}:${port}` },
      through: (real) => ({
        signal: async (...args) => {
          calls += 1;
          await real.signal(...args);
        },
      }),
    });
    const gate = await aParkedGate(db, OF_FINANCE(20));
    for (const who of members('finance', 6)) {
      await vote(db, gate, who);
    }
    await until('the breaker to open', () => !sender.reachability().reachable);
    expect(sender.reachability()).toMatchObject({
      since: expect.any(String) as unknown,
      reason: 'Temporal cannot be reached',
    });
    expect(log.filter(({ level }) => level === 'warn').map(({ message }) => message)).toEqual([
      'Temporal is away; what is owed waits',
    ]);
    const late = person('u_late', 'finance');
    const result = await vote(db, gate, late, { leaseMs: LEASE_MS });
    const before = calls;
    await sender.forward(leasesOf(result));
    expect(calls).toBe(before);
    expect(await resumeOf(db, gate.review.id)).toMatchObject({
      status: 'pending',
      error: expect.stringMatching(
        /^The vote is recorded; the workflow will be told as soon as Temporal answers \(Temporal cannot be reached\)/,
      ) as unknown,
    });
    expect(await readBacklog(db)).toMatchObject({ pending: 7, failed: 0 });
  });
});

describe('a workflow that is gone', () => {
  const FAILED = /^The vote is recorded, but its workflow could not be told: workflow '/;

  test.each([
    ['has ended', async (gate: ParkedGate) => await operator.terminate(gate.holder)],
    ['does not exist in Temporal', null],
  ])('while its gate is open means failed, for doctor to mend: one that %s', async (what, end) => {
    const { db } = database;
    const { settled, log } = aSender();
    const gate = end === null ? await aParkedGate(db, OF_FINANCE(2)) : await aGateInTemporal();
    await end?.(gate);
    await vote(db, gate, ann);
    await untilNothingIsOwed(gate.run.id);
    expect(await resumeOf(db, gate.review.id)).toEqual({
      status: 'failed',
      error: expect.stringMatching(FAILED) as unknown,
    });
    expect((await outboxOf(gate.run.id)).at(-1)).toMatchObject({
      state: 'failed',
      lastError: `workflow '${gate.holder}' ${what}`,
    });
    await untilSettled(settled, 'signal failed');
    expect(log).toMatchObject([
      {
        level: 'error',
        message: 'a message could not be delivered',
        fields: { kind: 'signal', runId: gate.run.id, reviewId: gate.review.id },
      },
    ]);
    const audit = await db
      .selectFrom('audit')
      .selectAll()
      .where('reviewId', '=', gate.review.id)
      .where('action', '=', 'delivery_failed')
      .execute();
    expect(audit).toMatchObject([
      { detail: { kind: 'signal', error: `workflow '${gate.holder}' ${what}` } },
    ]);
  });

  test.each<[string, number, ((gate: ParkedGate) => Promise<unknown>) | null]>([
    ['has been released', 1, null],
    [
      'was cancelled with its run',
      2,
      (gate) =>
        cancelRun(database.db, SYSTEM, gate.run.id, { reason: 'x', dialect: 'native' }, 60_000),
    ],
  ])(
    'when its review %s means that it was overtaken, which counts as resumed',
    async (_, required, end) => {
      const { db } = database;
      const gate = await aGateInTemporal(required);
      await vote(db, gate, ann);
      await end?.(gate);
      await operator.terminate(gate.holder);
      const { settled, log } = aSender();
      await until('the signal to be settled', () => settled.includes('signal superseded'));
      expect(await resumeOf(db, gate.review.id)).toEqual({ status: 'resumed', error: null });
      expect(log).toEqual([]);
    },
  );

  test('is no end where the step has a new holder: that one is told', async () => {
    const { db } = database;
    const gate = await aGateInTemporal();
    const result = await vote(db, gate, ann, { leaseMs: 60_000 });
    const [message] = leasesOf(result);
    expect(message).toMatchObject({ workflowId: gate.holder });
    await operator.terminate(gate.holder);
    const younger = `${gate.stepId}~2`;
    await startHolder(younger);
    await takeStep(db, gate.stepId, gateOf(gate.stepId, '2'), true);

    // Sent to the one before, in the same moment in which the next one took over.
    const temporal = openTemporal({ TEMPORAL_ADDRESS: ADDRESS });
    const delivery = await send(temporal, db, message ?? expect.fail('no message'));
    expect(delivery).toEqual({ kind: 'closed' });
    expect(await settle(db, message ?? expect.fail('no message'), delivery)).toBe('owed');
    await temporal.close();

    aSender();
    await untilNothingIsOwed(gate.run.id);
    expect(await signalsOf(younger)).toHaveLength(1);
    expect(await resumeOf(db, gate.review.id)).toMatchObject({ status: 'resumed' });
    // The holder before is gone; that it cannot be cancelled any more is as it should be.
    expect(await outboxOf(gate.run.id)).toEqual([]);
    expect(await getRun(db, gate.run.id)).toMatchObject({ status: 'running' });
  });

  test.each([
    ['has ended', true],
    ['was never started', false],
  ])(
    'and whose run is cancelled: one that %s lets the run end in the store',
    async (_, isStarted) => {
      const { db } = database;
      const { settled } = aSender();
      const gate = await aParkedGate(db);
      if (isStarted) {
        await startHolder(gate.run.id);
        await operator.terminate(gate.run.id);
      }
      await cancelRun(db, SYSTEM, gate.run.id, { reason: 'enough', dialect: 'native' }, 0);
      expect(await untilNothingIsOwed(gate.run.id)).toEqual([]);
      await untilSettled(settled, 'cancel superseded');
      expect(await getRun(db, gate.run.id)).toMatchObject({
        status: 'cancelled',
        cancelReason: 'enough',
        endedAt: expect.any(Date) as unknown,
      });
    },
  );

  test('and that was to be started is not started twice', async () => {
    const { db } = database;
    const run = await aRun(db);
    await startHolder(run.id);
    await operator.terminate(run.id);
    const about = { projectId: 'prj_default', runId: run.id, kind: 'start' } as const;
    await inTransaction(db, (tx) => oweMessage(tx, { ...about, workflowId: run.id }, 0));
    const { settled } = aSender();
    expect(await untilNothingIsOwed(run.id)).toEqual([]);
    await untilSettled(settled, 'start delivered');
    expect(await operator.status(run.id)).toBe('TERMINATED');
  });
});

describe('what Temporal will never take', () => {
  test('fails at once and is not tried again', async () => {
    const { db } = database;
    const gate = await aGateInTemporal();
    await vote(db, gate, ann);
    await db
      .updateTable('outbox')
      .set({ payload: sql`jsonb_set(payload, '{more}', to_jsonb(repeat('x', 3000000)))` })
      .where('reviewId', '=', gate.review.id)
      .execute();
    const { settled } = aSender();
    await until('the signal to fail', () => settled.includes('signal failed'));
    expect((await outboxOf(gate.run.id)).at(-1)).toMatchObject({
      state: 'failed',
      attempts: 1,
      lastError: 'INVALID_ARGUMENT: Blob data size exceeds limit.',
    });
  });
});

/** What a call is answered when nobody listens on the port. */
function unavailable(): ServiceError {
  const cause = { code: status.UNAVAILABLE, details: 'No connection established' };
  return new ServiceError('away', {
    cause: Object.assign(new Error('14'), cause, { metadata: {} }),
  });
}

describe('a call that Temporal did not answer', () => {
  test('is made again when that is due, and not only with the next look', async () => {
    const { db } = database;
    let calls = 0;
    const { sender } = aSender({
      pollMs: NEVER_LOOKS_MS,
      through: (real) => ({
        signal: async (...args) => {
          calls += 1;
          await (calls <= 2 ? Promise.reject(unavailable()) : real.signal(...args));
        },
      }),
    });
    const gate = await aGateInTemporal();
    await vote(db, gate, ann);
    sender.wake();
    await untilNothingIsOwed(gate.run.id);
    expect(calls).toBe(3);
    expect(await resumeOf(db, gate.review.id)).toMatchObject({ status: 'resumed' });
  });

  test('five times in a row holds all others, also those of the same batch', async () => {
    const { db } = database;
    let calls = 0;
    const { sender } = aSender({
      through: () => ({
        signal: async () => {
          calls += 1;
          return await Promise.reject(unavailable());
        },
        probe: () => Promise.reject(unavailable()),
      }),
    });
    const gate = await aParkedGate(db, OF_FINANCE(60));
    await inTransaction(db, async (tx) => {
      for (const [n, { id }] of members('finance', 50).entries()) {
        const { review, run } = gate;
        const payload = {
          review_id: review.id,
          fact: { kind: 'cancelled', seq: n + 1, id, actorId: id },
          status: { status: 'PENDING', versionId: null },
        } as const;
        const about = { projectId: 'prj_default', runId: run.id, reviewId: review.id, payload };
        await oweMessage(tx, { ...about, kind: 'signal', workflowId: null }, 0);
      }
    });
    await until('the breaker to open', () => !sender.reachability().reachable);
    await until('every lease to be given back', async () => {
      const rows = await outboxOf(gate.run.id);
      return rows.every(({ leaseToken }) => leaseToken === null);
    });
    // Sixteen are in flight at once, and the first four that fail make room for four more.
    expect(calls).toBeLessThanOrEqual(20);
    expect(await readBacklog(db)).toMatchObject({ pending: 50, failed: 0 });
  });
});

describe('when Temporal answers again', () => {
  test('everything is due at once, however long it was to wait', async () => {
    const { db } = database;
    let isAway = true;
    const { sender, log } = aSender({
      through: (real) => ({
        signal: async (...args) => {
          await (isAway ? Promise.reject(unavailable()) : real.signal(...args));
        },
        probe: async () => {
          await (isAway ? Promise.reject(unavailable()) : real.probe());
        },
      }),
    });
    const gate = await aGateInTemporal(20);
    for (const who of members('finance', 5)) {
      await vote(db, gate, who);
    }
    await until('the breaker to open', () => !sender.reachability().reachable);
    await until('every lease to be given back', async () => {
      const rows = await outboxOf(gate.run.id);
      return rows.every(({ leaseToken }) => leaseToken === null);
    });
    await db
      .updateTable('outbox')
      .set({ nextAttemptAt: sql`clock_timestamp() + interval '10 minutes'` })
      .where('state', '=', 'pending')
      .execute();
    isAway = false;
    await untilNothingIsOwed(gate.run.id);
    expect(await signalsOf(gate.holder)).toHaveLength(5);
    expect(log.map(({ message }) => message)).toEqual([
      'Temporal is away; what is owed waits',
      'Temporal answers again',
    ]);
  });
});

describe('what waits behind the start of its run', () => {
  test('is sent as soon as that has been forwarded', async () => {
    const { db } = database;
    const { sender, settled } = aSender({ pollMs: NEVER_LOOKS_MS });
    const run = await aRun(db);
    const about = { projectId: 'prj_default', runId: run.id, workflowId: run.id };
    const lease = await inTransaction(db, (tx) =>
      oweMessage(tx, { ...about, kind: 'start' }, 60_000),
    );
    await inTransaction(db, (tx) => oweMessage(tx, { ...about, kind: 'cancel' }, 60_000));
    // It has been looked at by now, and found to be held: another message has come and gone since.
    const gate = await aGateInTemporal();
    await vote(db, gate, ann);
    sender.wake();
    await untilNothingIsOwed(gate.run.id);
    expect((await outboxOf(run.id)).at(-1)).toMatchObject({ kind: 'cancel', attempts: 0 });

    await sender.forward([lease ?? expect.fail('no lease')]);
    expect(await untilNothingIsOwed(run.id)).toEqual([]);
    await until('the cancel to be entered', () => settled.includes('cancel delivered'));
  });
});

describe('a namespace that does not exist', () => {
  test('holds what is owed and says so, steadily, until it is mended', async () => {
    const { db } = database;
    const namespace = `late-${randomUUID()}`;
    let probes = 0;
    const { sender, log, settled } = aSender({
      env: { TEMPORAL_NAMESPACE: namespace },
      through: (real) => ({
        probe: async () => {
          probes += 1;
          await real.probe();
        },
      }),
    });
    const run = await aRun(db);
    const about = { projectId: 'prj_default', runId: run.id, kind: 'cancel' } as const;
    await inTransaction(db, (tx) => oweMessage(tx, { ...about, workflowId: 'any' }, 0));
    await until('it to be noticed', () => !sender.reachability().reachable);
    expect(sender.reachability().reason).toBe(`namespace '${namespace}' does not exist`);

    // Probes go on, and are not taken in by a server that answers.
    await until('three more probes', () => probes >= 3);
    expect(sender.reachability().reachable).toBe(false);
    expect(log.map(({ message }) => message)).toEqual([
      'Temporal refuses us: check TEMPORAL_* settings',
    ]);
    await untilSettled(settled, 'cancel owed');

    await connection.workflowService.registerNamespace({
      namespace,
      workflowExecutionRetentionPeriod: msToTs('1 day'),
    });
    await until('it to be delivered', () => settled.includes('cancel superseded'));
    expect(sender.reachability().reachable).toBe(true);
  });
});

describe('while Temporal is away', () => {
  test('votes go on, and are delivered once it is back, on the same connection', async ({
    annotate,
  }) => {
    const { db } = database;
    const home = await testHome('sender');
    onTestFinished(() => home.remove());
    const { path: cli } = await findTemporalCli({ env: process.env });
    const port = await freePort();
    const uiPort = await freePort();
    const start = () => startTemporalServer({ home: home.path, cli, port, uiPort });
    let server = await start();
    onTestFinished(() => server.stop({ force: true }));
    const own = connectToTemporal(server.address);
    onTestFinished(() => own.close());
    const there = new Operator(own);
    const { sender, settled } = aSender({ env: { TEMPORAL_ADDRESS: server.address } });

    /** Votes while the server is away, brings it back, and says how long the deliveries then took. */
    const measure = async (gates: readonly ParkedGate[], untilItIsTime: () => Promise<unknown>) => {
      await server.stop();
      for (const gate of gates) {
        const result = await vote(db, gate, ann, { leaseMs: LEASE_MS });
        await sender.forward(leasesOf(result));
        expect(await resumeOf(db, gate.review.id)).toMatchObject({ status: 'pending' });
      }
      await untilItIsTime();
      const before = settled.filter((how) => how === 'signal delivered').length;
      const delivered = (count: number) =>
        until(
          `${count} deliveries`,
          () => settled.filter((how) => how === 'signal delivered').length >= before + count,
        ).then(() => performance.now());
      const returned = until('the server to answer', async () =>
        own.workflowService.getSystemInfo({}).then(
          () => true,
          () => false,
        ),
      ).then(() => performance.now());
      const [again, at, first, last] = await Promise.all([
        start(),
        returned,
        delivered(1),
        delivered(gates.length),
      ]);
      server = again;
      for (const gate of gates) {
        expect(await signalsOf(gate.holder, there)).toHaveLength(1);
        expect(await resumeOf(db, gate.review.id)).toEqual({ status: 'resumed', error: null });
      }
      return { firstMs: Math.round(first - at), lastMs: Math.round(last - at) };
    };

    const park = (count: number) =>
      Promise.all(Array.from({ length: count }, () => aGateInTemporal(2, there)));
    const short = await measure(await park(1), async () => {
      expect(sender.reachability().reachable).toBe(true);
    });
    await annotate(`after a short outage: first delivery ${short.firstMs} ms after its return`);

    const long = await measure(await park(8), () =>
      until('the breaker to open', () => !sender.reachability().reachable),
    );
    await annotate(
      `with the breaker open: first ${long.firstMs} ms, last of 8 ${long.lastMs} ms after its return`,
    );
    expect(sender.reachability()).toEqual({ reachable: true, since: null, reason: null });
    expect(await leaseDueMessages(db, { limit: 10, leaseMs: 1 })).toEqual([]);
  });
});
