import { expect, test } from 'vitest';
import { StoreBusyError } from '../../src/store/store-away.js';
import { Turns } from '../../src/store/turns.js';

/** Work that goes on until it is told to end. */
function work(): {
  readonly begun: () => boolean;
  readonly run: () => Promise<void>;
  end: () => void;
} {
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  let hasBegun = false;
  return {
    begun: () => hasBegun,
    end: () => end(),
    run: async () => {
      hasBegun = true;
      await ended;
    },
  };
}

test('whoever wants the same thing comes after the one before, in order; all others at once', async () => {
  const turns = new Turns({ waitMs: 60_000, waitingAtMost: 2 });
  const [first, second, third, other] = [work(), work(), work(), work()];
  const taken = [
    turns.take('a', first.run),
    turns.take('a', second.run),
    turns.take('a', third.run),
    turns.take('b', other.run),
  ];
  const begun = () => [first, second, third, other].map((one) => one.begun());
  await Promise.resolve();
  expect(begun()).toEqual([true, false, false, true]);
  first.end();
  await taken[0];
  await Promise.resolve();
  expect(begun()).toEqual([true, true, false, true]);
  second.end();
  third.end();
  other.end();
  await Promise.all(taken);
});

test('one whose work fails leaves the turn to the next', async () => {
  const turns = new Turns();
  const failed = turns.take('a', () => Promise.reject(new Error('broken')));
  const next = turns.take('a', async () => 'done');
  await expect(failed).rejects.toThrow('broken');
  expect(await next).toBe('done');
});

test('a queue that is full turns the next one away, and takes others again when it has moved on', async () => {
  const turns = new Turns({ waitMs: 60_000, waitingAtMost: 1 });
  const first = work();
  const taken = turns.take('a', first.run);
  const waiting = turns.take('a', async () => 'waited');
  await expect(turns.take('a', async () => {})).rejects.toThrow(StoreBusyError);
  first.end();
  await taken;
  expect(await waiting).toBe('waited');
  expect(await turns.take('a', async () => 'free')).toBe('free');
});

test('whoever has waited for too long leaves the queue, and those behind come up', async () => {
  const turns = new Turns({ waitMs: 20, waitingAtMost: 10 });
  const first = work();
  const taken = turns.take('a', first.run);
  const late = work();
  await expect(turns.take('a', late.run)).rejects.toThrow('did not come within 20 ms');
  first.end();
  await taken;
  expect(late.begun()).toBe(false);
  expect(await turns.take('a', async () => 'free')).toBe('free');
});
