import { status } from '@grpc/grpc-js';
import { sql } from 'kysely';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { send } from '../../src/delivery/deliver.js';
import { createDriftAudit } from '../../src/delivery/drift-audit.js';
import { openTemporal, type Temporal } from '../../src/delivery/temporal.js';
import type { Execution } from '../../src/domain/drift.js';
import { openDatabase } from '../../src/store/database.js';
import { AuditLockLostError, withAuditLock } from '../../src/store/drift.js';
import type { LeasedMessage } from '../../src/store/outbox.js';
import { freePort, LOOPBACK } from '../../src/dev/ports.js';
import { createTestDatabase } from '../support/database.js';
import { aParkedGate } from '../support/parked.js';

const database = await createTestDatabase();
const { db } = database;
const temporal = openTemporal({ TEMPORAL_ADDRESS: inject('temporalAddress') });
afterAll(async () => {
  await temporal.close();
  await database.drop();
});

const GONE: Execution = {
  state: 'missing',
  execution: null,
  isBusy: false,
  isCancelRequested: false,
  historyLength: 0,
};

function refuse(): never {
  throw new Error('an audit must not do that');
}

/** A Temporal that has lost everything. */
function emptyTemporal(asked: (workflowId: string) => void): Temporal {
  return {
    ...temporal,
    describe: async (workflowId) => {
      asked(workflowId);
      return GONE;
    },
    listRunning: async function* () {},
    hasWorker: async () => true,
    start: async () => refuse(),
    restart: async () => refuse(),
    cancel: async () => refuse(),
    terminate: async () => refuse(),
    signal: async () => refuse(),
  };
}

describe('the drift audit', () => {
  const RUNS = 120;
  beforeAll(async () => {
    const { run } = await aParkedGate(db);
    await sql`
      insert into run select copy.* from run model, generate_series(2, ${RUNS}) n,
        jsonb_populate_record(model, jsonb_build_object('id', model.id || n)) copy
       where model.id = ${run.id}`.execute(db);
  });

  test('goes on where the pass before has ended, looks at every run, and starts none again', async () => {
    const asked: string[] = [];
    const logger = pino({ level: 'silent' });
    const audit = createDriftAudit(
      { db, temporal: emptyTemporal((workflowId) => asked.push(workflowId)), logger },
      { settlingMs: 0, lingerMs: 0, passMs: 0 },
    );
    const found: (number | undefined)[] = [];
    for (let pass = 0; pass < 4; pass += 1) {
      found.push((await audit.pass())?.get('RUN_GONE'));
    }
    // A page is looked at, however little time there is; the fourth pass begins again.
    expect(found).toEqual([50, 50, 20, 50]);
    const { rows } = await sql<{ id: string }>`select id from run`.execute(db);
    expect(rows.filter(({ id }) => !asked.includes(id))).toEqual([]);
  });

  test('asks a bounded number of questions at once', async () => {
    let underWay = 0;
    let most = 0;
    const slow: Temporal = {
      ...emptyTemporal(() => {}),
      describe: async () => {
        underWay += 1;
        most = Math.max(most, underWay);
        await new Promise((resolve) => setImmediate(resolve));
        underWay -= 1;
        return { ...GONE, state: 'running', execution: 'x', isBusy: true };
      },
    };
    const audit = createDriftAudit(
      { db, temporal: slow, logger: pino({ level: 'silent' }) },
      { settlingMs: 0 },
    );
    expect((await audit.pass())?.has('RUN_GONE')).toBe(false);
    expect(most).toBe(16);
  });

  test('ends a pass when the connection that holds its lock is lost, and another may begin', async () => {
    const pass = withAuditLock(db, async (checkHeld) => {
      await checkHeld();
      expect(await withAuditLock(db, async () => {})).toBe(false);
      await sql`select pg_terminate_backend(pid) from pg_locks join pg_database on pg_database.oid = pg_locks.database
                 where locktype = 'advisory' and datname = current_database()`.execute(db);
      await checkHeld();
      expect.fail('the lock is gone');
    });
    await expect(pass).rejects.toThrow(AuditLockLostError);
    expect(await withAuditLock(db, async () => {})).toBe(true);
  });
});

describe('what is owed', () => {
  const message: LeasedMessage = {
    id: '1',
    leaseToken: 'x',
    projectId: 'prj_default',
    runId: 'run_x',
    kind: 'start',
    workflowId: null,
    reviewId: null,
    payload: null,
    endedStepId: null,
    workflowVersionId: 'wfv_1',
    attempts: 1,
  };

  test('is unsent when PostgreSQL fails while it is read: that is no outage of Temporal', async () => {
    const away = openDatabase(`postgres://nobody@${LOOPBACK}:${await freePort()}/nowhere`);
    expect(await send(temporal, away.db, message)).toEqual({
      kind: 'unsent',
      reason: 'the store did not say what to send',
    });
    await away.close();
  });

  test('a cancel is delivered when Temporal has taken it, also where we may not look', async () => {
    const forbidden = Object.assign(new Error('no'), {
      code: status.PERMISSION_DENIED,
      details: 'no describe for you',
      metadata: {},
    });
    const blind: Temporal = {
      ...temporal,
      cancel: async () => {},
      describe: async () => {
        throw forbidden;
      },
    };
    const cancel = { ...message, kind: 'cancel' as const, workflowId: 'run_x' };
    expect(await send(blind, db, cancel)).toEqual({ kind: 'delivered' });
  });
});
