import { describe, expect, test } from 'vitest';
import { parseDurationMs } from '../../src/rules/duration.js';

describe('parseDurationMs', () => {
  test.each([
    ['0s', 0],
    ['1ms', 1],
    ['30s', 30_000],
    ['5m', 300_000],
    ['24h', 86_400_000],
    ['7d', 604_800_000],
    ['007m', 420_000],
    ['3650d', 315_360_000_000],
  ])('reads %s', (text, durationMs) => {
    expect(parseDurationMs(text)).toBe(durationMs);
  });

  test.each([
    '',
    '5',
    'm',
    '5 m',
    '-5m',
    '1.5h',
    '5M',
    '5min',
    '1h30m',
    '5m\n',
    '٥m',
    '3651d',
    '999999999999999d',
    '1'.repeat(400),
  ])('does not take %j for a duration', (text) => {
    expect(parseDurationMs(text)).toBeNull();
  });
});
