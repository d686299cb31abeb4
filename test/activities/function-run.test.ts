import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BlockContext } from '../../src/blocks.js';
import type { Block } from '../../src/domain/definition.js';
import { cancelRun } from '../../src/store/cancel-run.js';
import type { RunRow } from '../../src/store/tables.js';
import {
  block,
  gate,
  type Installation,
  reviewer,
  startInstallation,
} from '../support/installation.js';
import { until } from '../support/until.js';

/** Longer than Temporal waits for a heartbeat, and than the store waits for a stamp. */
const BLOCKED_MS = 11_500;

describe('a run with a function', () => {
  let on: Installation;
  const executions: BlockContext[] = [];

  beforeAll(async () => {
    on = await startInstallation({
      deaf: async (_, context) => {
        executions.push(context);
        return await new Promise(() => {});
      },
      blocking: (_, context) => {
        executions.push(context);
        const until = performance.now() + BLOCKED_MS;
        while (performance.now() < until) {
          // The event loop stands still: no heartbeat, no stamp, no timer.
        }
        return { done: context.attempt };
      },
      unspeakable: () => {
        throw new Error('a\0b');
      },
    });
  });
  afterAll(() => on.stop());

  const run = async (name: string, about: Partial<Block> = {}): Promise<RunRow> =>
    await on.run([block('act', { executor: { kind: 'function', name }, ...about })]);

  function of(row: RunRow): readonly BlockContext[] {
    return executions.filter(({ runId }) => runId === row.id);
  }

  async function begun(row: RunRow): Promise<BlockContext> {
    return await until('the function to begin', () => of(row).at(-1));
  }

  test('whose error no database could store ends with what can be stored of it', async () => {
    const execution = { repeatable: true, attempts: 2, timeout: '30s' };
    const row = await run('unspeakable', { execution });
    expect(await on.ended(row)).toMatchObject({ status: 'error', errorMessage: 'a b' });
  });

  test('is told when the run is cancelled', async () => {
    const row = await run('deaf');
    const { signal } = await begun(row);
    await cancelRun(on.database.db, reviewer('u1'), row.id, { reason: 'x', dialect: 'native' }, 0);
    expect(await on.ended(row)).toMatchObject({ status: 'cancelled' });
    await until('the signal', () => signal.aborted);
  });

  test('that never answers is begun again as often as it may be, and then fails the run', async () => {
    const execution = { repeatable: true, attempts: 2, timeout: '300ms' };
    const row = await run('deaf', { execution });
    expect(await on.ended(row)).toMatchObject({
      status: 'error',
      errorMessage:
        "Block 'act' did not answer within 300ms: raise execution.timeout, or make it faster.",
    });
    expect(of(row).map(({ attempt }) => attempt)).toEqual([1, 2]);
  });

  test('that must not be repeated and never answers ends as UNKNOWN, with what to do', async () => {
    const row = await on.run(
      [
        block('act', {
          executor: { kind: 'function', name: 'deaf' },
          execution: { repeatable: false, attempts: 1, timeout: '300ms' },
          review: gate({ placement: 'input', corrections: 'none' }),
        }),
      ],
      { act: { amount: 7 } },
    );
    await on.vote(await on.reviewOf(row, 'act'), reviewer('u1'));
    const ended = await on.ended(row);
    const step = await on.step(row, 'act');
    expect(ended).toMatchObject({
      status: 'error',
      errorMessage: `Block 'act' did not answer within 300ms: raise execution.timeout, or make it faster. Whether it did its work cannot be known, and it must not be repeated: look for its idempotency key ${step.id} where it writes, then settle the step (countersign step settle) and retry the run.`,
    });
    expect(step).toMatchObject({ outcomeUnknown: true });
    expect(await on.reviewOf(row, 'act')).toMatchObject({ status: 'UNKNOWN' });
    expect(of(row)).toHaveLength(1);
  });

  test('that blocks its event loop is taken for lost: once more if it may be, and never twice if not', async () => {
    const again = await run('blocking');
    expect(await on.ended(again)).toMatchObject({ status: 'completed' });
    const step = await on.step(again, 'act');
    expect(step.output).toMatch(/^\{"done":\d+\}$/);

    const execution = { repeatable: false, attempts: 1, timeout: '30s' };
    const once = await run('blocking', { execution });
    const ended = await on.ended(once);
    const { outcomeUnknown } = await on.step(once, 'act');
    expect(of(once)).toHaveLength(1);
    // It answered before anybody else took the step, or it did not.
    expect(ended.status).toBe(outcomeUnknown ? 'error' : 'completed');
  }, 120_000);

  test('that Temporal has forgotten and that answers nobody does not keep its worker from stopping', async () => {
    const deaf = await run('deaf');
    const { signal } = await begun(deaf);
    await on.ended(await run('blocking'));
    await until('the forgotten one to be begun again', () => of(deaf).length === 2, 60_000);
    await on.worker.stop();
    expect(signal.aborted).toBe(true);
    expect(of(deaf)[1]?.signal.aborted).toBe(true);
  }, 120_000);
});
