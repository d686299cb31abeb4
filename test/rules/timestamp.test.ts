import { describe, expect, test } from 'vitest';
import type { Json } from '../../src/domain/json.js';
import { compareMoments, parseMoment } from '../../src/rules/timestamp.js';

describe('parseMoment', () => {
  test.each<[string, string]>([
    ['2026-05-13', '2026-05-13T00:00:00.000Z'],
    ['2026-05-13t08:14:02z', '2026-05-13T08:14:02.000Z'],
    ['2026-05-13 08:14:02+02:00', '2026-05-13T06:14:02.000Z'],
    ['2026-05-13T23:59:59-23:59', '2026-05-14T23:58:59.000Z'],
    ['2024-02-29', '2024-02-29T00:00:00.000Z'],
    ['2016-12-31T23:59:60Z', '2017-01-01T00:00:00.000Z'],
    ['0001-01-01', '0001-01-01T00:00:00.000Z'],
    ['9999-12-31T23:59:59.999999999Z', '9999-12-31T23:59:59.000Z'],
  ])('reads %s', (text, iso) => {
    expect(parseMoment(text)?.epochSeconds).toBe(Date.parse(iso) / 1000);
  });

  test.each<Json>([
    '2026-02-29',
    '2026-13-01',
    '2026-00-10',
    '2026-01-00',
    '2026-1-1',
    '26-01-01',
    '2026-05-13T24:00:00Z',
    '2026-05-13T08:60:00Z',
    '2026-05-13T08:14:61Z',
    '2026-05-13T08:14Z',
    '2026-05-13T08:14:02',
    '2026-05-13T08:14:02+0200',
    '2026-05-13T08:14:02+24:00',
    '2026-05-13T08:14:02.Z',
    '2026-05-13T08:14:02Z ',
    ' 2026-05-13',
    '13.05.2026',
    '',
    0,
    null,
    true,
    [],
  ])('does not take %j for a date', (value) => {
    expect(parseMoment(value)).toBeNull();
  });

  test('compares fractions digit by digit', () => {
    const [less, more, same] = ['.1Z', '.10000000000000000001Z', '.100Z'].map((tail) =>
      parseMoment(`2026-05-13T08:14:02${tail}`),
    );
    expect(less && more && compareMoments(less, more)).toBeLessThan(0);
    expect(less && more && compareMoments(more, less)).toBeGreaterThan(0);
    expect(less && same && compareMoments(less, same)).toBe(0);
  });
});
