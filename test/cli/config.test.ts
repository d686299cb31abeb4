import { describe, expect, test } from 'vitest';
import { readConfig } from '../../src/cli/config.js';

describe('COUNTERSIGN_AUDIT_EVERY', () => {
  test.each([
    ['1s', 1_000],
    ['90s', 90_000],
    ['10m', 600_000],
    ['24h', 86_400_000],
    ['', null],
  ])('%o is taken as %o milliseconds', (value, ms) => {
    expect(readConfig({ COUNTERSIGN_AUDIT_EVERY: value }).auditEveryMs).toBe(ms);
  });

  test.each(['0s', '500ms', '25h', '7d', 'often', '10'])('%o is refused by name', (value) => {
    expect(() => readConfig({ COUNTERSIGN_AUDIT_EVERY: value })).toThrow(
      `COUNTERSIGN_AUDIT_EVERY is '${value}': it must be a duration from 1s to 24h.`,
    );
  });
});
