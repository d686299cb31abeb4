import { describe, expect, test } from 'vitest';
import type { Exit, Running } from '../../src/dev/running.js';
import { createSupervisor } from '../../src/dev/supervisor.js';
import { becomesTrue, pause } from '../../src/dev/wait.js';

const CRASH: Exit = { code: 1, signal: null, lastLines: ['boom'] };
const END: Exit = { code: 0, signal: null, lastLines: [] };

/** A process that ends when it is told to, and notes in what order it was stopped, and how. */
class Fake implements Running {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  end: (exit: Exit) => void = () => undefined;
  readonly #name: string;
  readonly #stops: string[];

  constructor(pid: number, name = 'fake', stops: string[] = []) {
    this.pid = pid;
    this.#name = name;
    this.#stops = stops;
    this.exited = new Promise((resolve) => {
      this.end = resolve;
    });
  }

  async stop({ force = false } = {}): Promise<void> {
    this.#stops.push(force ? `${this.#name} by force` : this.#name);
    this.end(END);
    await this.exited;
  }
}

const until = async (condition: () => boolean): Promise<void> => {
  expect(await becomesTrue(condition, 5_000, 1)).toBe(true);
};

describe('createSupervisor', () => {
  test('starts a process again when it ends, pausing longer each time, up to a bound', async () => {
    const pauses: number[] = [];
    const fakes: Fake[] = [];
    const events: string[] = [];
    const supervisor = createSupervisor({
      firstPauseMs: 100,
      longestPauseMs: 500,
      onEvent: (line) => events.push(line),
      wait: (ms) => {
        pauses.push(ms);
        return Promise.resolve();
      },
    });
    await supervisor.add({
      name: 'api',
      start: () => {
        const fake = new Fake(fakes.length + 1);
        fakes.push(fake);
        return Promise.resolve(fake);
      },
    });
    for (let count = 1; count <= 5; count += 1) {
      fakes.at(-1)?.end(CRASH);
      await until(() => fakes.length === count + 1);
    }
    expect(pauses).toEqual([100, 200, 400, 500, 500]);
    expect(events[0]).toBe('api ended unexpectedly (exit code 1); starting it again');
    await until(() => supervisor.status()[0]?.state === 'running');
    expect(supervisor.status()).toEqual([
      { name: 'api', state: 'running', pid: 6, failures: 5, lastExit: CRASH },
    ]);
    await supervisor.stop();
  });

  test('begins at the short pause again after a process ran steadily', async () => {
    const pauses: number[] = [];
    const fakes: Fake[] = [];
    const supervisor = createSupervisor({
      firstPauseMs: 1,
      longestPauseMs: 100,
      steadyAfterMs: 30,
      wait: (ms) => {
        pauses.push(ms);
        return Promise.resolve();
      },
    });
    await supervisor.add({
      name: 'api',
      start: () => {
        const fake = new Fake(1);
        fakes.push(fake);
        return Promise.resolve(fake);
      },
    });
    fakes.at(-1)?.end(CRASH);
    await until(() => fakes.length === 2);
    const since = performance.now();
    await until(() => performance.now() - since > 40); // what "steadily" means here
    fakes.at(-1)?.end(CRASH);
    await until(() => fakes.length === 3);
    expect(pauses).toEqual([1, 1]);
    await supervisor.stop();
  });

  test('goes on when a restart fails, and tells why', async () => {
    let starts = 0;
    const first = new Fake(1);
    const events: string[] = [];
    const supervisor = createSupervisor({ firstPauseMs: 1, onEvent: (line) => events.push(line) });
    await supervisor.add({
      name: 'db',
      start: () => {
        starts += 1;
        if (starts === 2) {
          return Promise.reject(new Error('port taken'));
        }
        return Promise.resolve(starts === 1 ? first : new Fake(starts));
      },
    });
    first.end(CRASH);
    await until(() => supervisor.status()[0]?.pid === 3);
    expect(events).toEqual([
      'db ended unexpectedly (exit code 1); starting it again',
      'db could not be started: port taken',
      'db runs again',
    ]);
    expect(supervisor.status()[0]?.failures).toBe(2);
    await supervisor.stop();
  });

  test('hands the failure of a first start to the caller and forgets it', async () => {
    const supervisor = createSupervisor();
    const adding = supervisor.add({
      name: 'db',
      start: () => Promise.reject(new Error('no disk')),
    });
    await expect(adding).rejects.toThrow('no disk');
    expect(supervisor.status()).toEqual([]);
    await supervisor.stop();
  });

  test('stops in reverse order of start, and starts nothing afterwards', async () => {
    const stops: string[] = [];
    const supervisor = createSupervisor();
    for (const name of ['db', 'temporal', 'api']) {
      await supervisor.add({ name, start: () => Promise.resolve(new Fake(1, name, stops)) });
    }
    await Promise.all([supervisor.stop(), supervisor.stop()]);
    expect([...new Set(stops)]).toEqual(['api', 'temporal', 'db']);
    expect(supervisor.status().map(({ state }) => state)).toEqual([
      'stopped',
      'stopped',
      'stopped',
    ]);
    await expect(
      supervisor.add({ name: 'late', start: () => Promise.resolve(new Fake(1)) }),
    ).rejects.toThrow('being stopped');
  });

  test('ends a pause and a start that are under way', async () => {
    const first = new Fake(1);
    let starts = 0;
    const supervisor = createSupervisor({ firstPauseMs: 1 });
    await supervisor.add({
      name: 'db',
      start: async (signal) => {
        starts += 1;
        if (starts > 1) {
          await pause(60_000, signal);
        }
        return first;
      },
    });
    first.end(CRASH);
    await until(() => starts === 2);
    await supervisor.stop();
    expect(supervisor.status()[0]?.state).toBe('stopped');
  });

  test('stops what a start gives that did not heed the signal', async () => {
    const stops: string[] = [];
    const supervisor = createSupervisor();
    let give: (running: Running) => void = () => undefined;
    const adding = supervisor.add({
      name: 'slow',
      start: () =>
        new Promise((resolve) => {
          give = resolve;
        }),
    });
    const stopping = supervisor.stop();
    give(new Fake(1, 'slow', stops));
    await Promise.all([adding, stopping]);
    expect(stops).toEqual(['slow']);
  });

  test('passes force on to all that still run', async () => {
    const stops: string[] = [];
    const supervisor = createSupervisor();
    const stuck: Running = {
      pid: 1,
      exited: new Promise(() => undefined),
      stop: async ({ force = false } = {}) => {
        stops.push(force ? 'stuck by force' : 'stuck');
        if (!force) {
          await new Promise<void>(() => undefined);
        }
      },
    };
    await supervisor.add({ name: 'db', start: () => Promise.resolve(new Fake(1, 'db', stops)) });
    await supervisor.add({ name: 'stuck', start: () => Promise.resolve(stuck) });
    void supervisor.stop();
    await until(() => stops.includes('stuck'));
    void supervisor.stop({ force: true });
    await until(() => stops.includes('db by force'));
    expect(stops).toContain('stuck by force');
  });
});
