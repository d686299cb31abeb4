import { describe, expect, test } from 'vitest';
import { Breaker } from '../../src/delivery/breaker.js';

/** A breaker that has seen this many outages, a millisecond apart from 1 on. */
function after(outages: number): Breaker {
  const breaker = new Breaker();
  for (let n = 1; n <= outages; n += 1) {
    breaker.failed(`outage ${n}`, n);
  }
  return breaker;
}

const WHATEVER = Number.MAX_SAFE_INTEGER;

describe('a breaker', () => {
  test('is closed at first, and lets everything through at once', () => {
    const breaker = new Breaker();
    expect(breaker.isOpen).toBe(false);
    expect(breaker.outage).toBeNull();
    expect(breaker.allowance(0, 100)).toBe(WHATEVER);
  });

  test('opens at the fifth outage in a row, and not before', () => {
    for (const outages of [1, 2, 3, 4]) {
      expect(after(outages).isOpen).toBe(false);
      expect(after(outages).allowance(outages, 100)).toBe(WHATEVER);
    }
    const breaker = after(4);
    expect(breaker.failed('outage 5', 5)).toBe(true);
    expect(breaker.isOpen).toBe(true);
    expect(breaker.outage).toEqual({ since: 5, reason: 'outage 5' });
    expect(breaker.allowance(5, 100)).toBe(0);
  });

  test('forgets the outages before an answer', () => {
    const breaker = after(4);
    breaker.succeeded();
    for (let n = 1; n <= 4; n += 1) {
      expect(breaker.failed('away', n)).toBe(false);
    }
    expect(breaker.failed('away', 5)).toBe(true);
  });

  test('opens at once where every call would fail alike', () => {
    const breaker = new Breaker();
    expect(breaker.open("namespace 'x' does not exist", 7)).toBe(true);
    expect(breaker.isOpen).toBe(true);
    expect(breaker.outage).toEqual({ since: 7, reason: "namespace 'x' does not exist" });
  });

  test('stays open until a probe succeeds, whatever late answers say, since when it opened', () => {
    const breaker = after(5);
    breaker.succeeded();
    expect(breaker.isOpen).toBe(true);
    expect(breaker.failed('still away', 90)).toBe(true);
    breaker.open('wrong credentials', 99);
    expect(breaker.outage).toEqual({ since: 5, reason: 'wrong credentials' });
    breaker.close(100);
    expect(breaker.isOpen).toBe(false);
    expect(breaker.outage).toBeNull();
  });

  test('counts anew once it was closed', () => {
    const breaker = after(9);
    breaker.close(100);
    for (let n = 1; n <= 4; n += 1) {
      expect(breaker.failed('away again', 100 + n)).toBe(false);
    }
    expect(breaker.failed('away again', 105)).toBe(true);
    expect(breaker.outage).toEqual({ since: 105, reason: 'away again' });
  });
});

describe('after it has closed', () => {
  test.each([
    [0, 10],
    [999, 10],
    [1_000, 20],
    [2_500, 40],
    [3_000, 80],
    [4_999, 160],
    [5_999, 320],
    [6_000, WHATEVER],
    [60_000, WHATEVER],
  ])('%i ms later %i messages may be sent within a tenth of a second', (sinceMs, allowed) => {
    const breaker = after(5);
    breaker.close(1_000_000);
    expect(breaker.allowance(1_000_000 + sinceMs, 100)).toBe(allowed);
  });

  test('at least one message may be sent, however short the time', () => {
    const breaker = after(5);
    breaker.close(0);
    expect(breaker.allowance(0, 1)).toBe(1);
  });

  test('none may be sent if it opens again meanwhile', () => {
    const breaker = after(5);
    breaker.close(0);
    breaker.open('away', 10);
    expect(breaker.allowance(20, 100)).toBe(0);
  });
});
