import { expect, test } from 'vitest';
import { createChangeHub } from '../../src/api/change-hub.js';
import type { Change } from '../../src/store/change-feed.js';

const CHANGE: Change = { projectId: 'prj_default', kind: 'run', id: 'run_1', runId: null };

type Tell = (change: Change | null) => void;

/** A hub over a log that a test speaks for, and how often the log was followed and left. */
function aHub() {
  const told: Tell[] = [];
  const count = { ended: 0 };
  const hub = createChangeHub((tell) => {
    told.push(tell);
    return async () => {
      count.ended += 1;
    };
  });
  return { hub, told, count };
}

function aListener() {
  const heard: (string | null)[] = [];
  return {
    heard,
    onChange: (change: Change | null) => void heard.push(change?.id ?? null),
    onEnd: () => void heard.push('the end'),
  };
}

test('the log is followed once for all listeners, and only while there are some', async () => {
  const { hub, told, count } = aHub();
  const [one, other] = [aListener(), aListener()];
  expect(told).toHaveLength(0);
  const leave = [hub.subscribe(one), hub.subscribe(other)];
  expect(told).toHaveLength(1);
  leave[0]?.();
  leave[0]?.();
  expect(count.ended).toBe(0);
  leave[1]?.();
  expect(count.ended).toBe(1);
  const again = hub.subscribe(one);
  expect(told).toHaveLength(2);
  again();
  expect(count.ended).toBe(2);
});

test('each listener begins with null, when the log is followed or at once where it is', () => {
  const { hub, told } = aHub();
  const [one, other] = [aListener(), aListener()];
  hub.subscribe(one);
  expect(one.heard).toEqual([]);
  told[0]?.(null);
  hub.subscribe(other);
  told[0]?.(CHANGE);
  expect([one.heard, other.heard]).toEqual([
    [null, 'run_1'],
    [null, 'run_1'],
  ]);
});

test('the end is told to everybody, and ends the following', async () => {
  const { hub, count } = aHub();
  const one = aListener();
  hub.subscribe(one);
  await hub.end();
  expect(one.heard).toEqual(['the end']);
  expect(count.ended).toBe(1);
});
