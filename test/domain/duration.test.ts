import { describe, expect, test } from 'vitest';
import { parseDurationMs } from '../../src/domain/duration.js';

describe('parseDurationMs', () => {
  test.each<[string, number]>([
    ['500ms', 500],
    ['30s', 30_000],
    ['5m', 300_000],
    ['24h', 86_400_000],
    ['30d', 2_592_000_000],
    ['0s', 0],
    ['007s', 7_000],
    ['999999999ms', 999_999_999],
    ['3650d', 315_360_000_000],
    ['315360000000ms', 315_360_000_000],
  ])('reads %s', (text, durationMs) => {
    expect(parseDurationMs(text)).toBe(durationMs);
  });

  const others =
    '|s|30|30 s| 30s|30s |30s\n|-1s|+1s|1.5h|1e3s|1w|1M|1S|1h30m|Infinitys|NaNs|٣s|3651d|315360000001ms|999999999999999d|1111111111111111111s';

  test.each(others.split('|'))('takes %j for no duration', (text) => {
    expect(parseDurationMs(text)).toBeNull();
  });
});
