import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { comparing, type Finding, repair } from '../../src/delivery/doctor.js';
import { createDriftAudit } from '../../src/delivery/drift-audit.js';
import { examine } from '../../src/delivery/examine.js';
import { getRun } from '../../src/store/runs.js';
import type { RunRow } from '../../src/store/tables.js';
import {
  block,
  forEach,
  gate,
  type Installation,
  passing,
  reviewer,
  startInstallation,
} from '../support/installation.js';
import { startSlowWorker } from '../support/slow-worker.js';
import { until } from '../support/until.js';

/** How many runs are started beside doctor and audit; hundreds by hand. */
const RUNS = Number(process.env['TRAFFIC_RUNS'] ?? 40);
const AT_ONCE = 6;
const PATIENCE_MS = 60_000 + RUNS * 5_000;

const u1 = reviewer('u1', 'finance');

/** As doctor has it: a timer may be a moment late, and a gate is told shortly after its step has ended. */
const AT_ONCE_JUDGED = { settlingMs: 5_000, lingerMs: 10_000 };

let on: Installation;
beforeAll(async () => {
  on = await startInstallation();
});
afterAll(() => on.stop());

/** Starts a run of one of several kinds, decides all of its reviews, and waits for its end. */
async function runThrough(n: number): Promise<RunRow> {
  switch (n % 4) {
    case 0:
    case 1: {
      const blocks = [block('extract', { review: gate() }), passing('book', 'extract')];
      const run = await on.run(blocks, { extract: { total: n } });
      await delay((n * 7) % 300);
      await on.vote(await on.reviewOf(run, 'extract'), u1);
      return await on.ended(run);
    }
    case 2: {
      const body = [block('check', { review: gate({ on_reject: 'continue' }) })];
      const run = await on.run([forEach('each', body)], { each: [{ n: 0 }, { n: 1 }, { n: 2 }] });
      for (const key of ['2', '0', '1']) {
        const verdict = key === '1' ? 'rejected' : 'approved';
        await on.vote(await on.reviewOf(run, 'check', key), u1, { verdict });
      }
      return await on.ended(run);
    }
    default: {
      const review = gate({ placement: 'input', release: { after: '200ms' } });
      const run = await on.run([block('pay', { review })], { pay: { total: n } });
      await on.vote(await on.reviewOf(run, 'pay'), u1);
      return await on.ended(run);
    }
  }
}

/** Keeps some runs under way at once until all of them have ended. */
async function traffic(): Promise<readonly RunRow[]> {
  const ended: RunRow[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < RUNS) {
      next += 1;
      ended.push(await runThrough(next));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return ended;
}

/** Does something again and again, without a rest, while something else goes on; says how often. */
async function beside<T>(work: Promise<T>, again: () => Promise<void>): Promise<[T, number]> {
  const over = new AbortController();
  const ended = work.finally(() => over.abort());
  ended.catch(() => {}); // it is awaited below
  let rounds = 0;
  while (!over.signal.aborted) {
    await again();
    rounds += 1;
  }
  return [await ended, rounds];
}

async function restarts(): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    select count(*)::int as n from audit where action = 'run_restarted'`.execute(on.database.db);
  return rows[0]?.n ?? -1;
}

function expectHealthy(ended: readonly RunRow[]): void {
  expect(ended).toHaveLength(RUNS);
  expect(ended.filter(({ status }) => status !== 'completed')).toEqual([]);
}

describe('beside healthy runs with gates and loops', () => {
  test(
    'doctor that mends whatever it finds, without a rest, finds nothing and touches nothing',
    async () => {
      const { db } = on.database;
      const found: Finding[] = [];
      const [ended, rounds] = await beside(traffic(), async () => {
        await examine(comparing(db, on.temporal, AT_ONCE_JUDGED), async (finding) => {
          found.push(finding);
          if (finding.remedy !== null) {
            await repair(db, on.temporal, finding.remedy);
          }
        });
      });
      expect(found).toEqual([]);
      expectHealthy(ended);
      expect(await restarts()).toBe(0);
      expect(rounds).toBeGreaterThan(1);
    },
    PATIENCE_MS,
  );

  test(
    'the audit alone, without a rest, finds nothing and touches nothing',
    async () => {
      const logger = pino({ level: 'silent' });
      const { db } = on.database;
      const audit = createDriftAudit({ db, temporal: on.temporal, logger }, AT_ONCE_JUDGED);
      const codes = new Map<string, number>();
      const [ended, rounds] = await beside(traffic(), async () => {
        for (const [code, count] of (await audit.pass()) ?? []) {
          codes.set(code, (codes.get(code) ?? 0) + count);
        }
      });
      expect(Object.fromEntries(codes)).toEqual({});
      expectHealthy(ended);
      expect(await restarts()).toBe(0);
      expect(rounds).toBeGreaterThan(1);
    },
    PATIENCE_MS,
  );
});

describe('a gate that waits for a free place to be opened at', () => {
  test('is neither found nor touched, and its run goes on as if nobody had looked', async () => {
    const { db } = on.database;
    let open: () => void = () => {};
    const mayOpen = new Promise<void>((resolve) => {
      open = resolve;
    });
    const asked = new Set<string>();
    await on.worker.stop();
    const worker = await startSlowWorker(on, (activities) => ({
      openGate: async (stepId) => {
        asked.add(stepId);
        await mayOpen;
        return await activities.openGate(stepId);
      },
    }));
    const alone = await on.run([block('extract', { review: gate() })], { extract: { total: 1 } });
    const loop = await on.run([forEach('each', [block('check', { review: gate() })])], {
      each: Array.from({ length: 10 }, (_, n) => ({ n })),
    });
    await until('every gate to wait', () => asked.size === 11);
    await until('Temporal to list them', async () => {
      let gates = 0;
      for await (const { type } of on.temporal.listRunning()) {
        gates += type === 'gatedBlockRun' ? 1 : 0;
      }
      return gates === 11;
    });
    const audit = createDriftAudit(
      { db, temporal: on.temporal, logger: pino({ level: 'silent' }) },
      AT_ONCE_JUDGED,
    );
    const found: Finding[] = [];
    for (let round = 0; round < 5; round += 1) {
      await examine(comparing(db, on.temporal, AT_ONCE_JUDGED), async (finding) => {
        found.push(finding);
        if (finding.remedy !== null) {
          await repair(db, on.temporal, finding.remedy);
        }
      });
      expect([...((await audit.pass()) ?? [])]).toEqual([]);
    }
    expect(found).toEqual([]);
    open();
    await on.vote(await on.reviewOf(alone, 'extract'), u1);
    for (let n = 0; n < 10; n += 1) {
      await on.vote(await on.reviewOf(loop, 'check', `${n}`), u1);
    }
    expect((await on.ended(alone)).status).toBe('completed');
    expect((await on.ended(loop)).status).toBe('completed');
    expect((await getRun(db, loop.id)).cancelReason).toBeNull();
    await worker.stop();
  });
});
