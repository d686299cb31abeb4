import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { isTimeOfDay, msUntilOpen, type TimeWindow } from '../../src/domain/time-window.js';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** A moment of some day, in UTC. */
const at = (time: string): number => Date.parse(`2026-05-13T${time}Z`);

describe('isTimeOfDay', () => {
  test.each(['00:00', '09:05', '19:59', '20:00', '23:59'])('%s is', (text) => {
    expect(isTimeOfDay(text)).toBe(true);
  });

  test.each([
    '',
    '9:00',
    '24:00',
    '23:60',
    '-1:00',
    '09:00:00',
    ' 09:00',
    '09:00\n',
    '0９:00',
    '9',
  ])('%j is not', (text) => {
    expect(isTimeOfDay(text)).toBe(false);
  });
});

describe('msUntilOpen', () => {
  const day: TimeWindow = { start: '09:00', end: '18:00' };
  const night: TimeWindow = { start: '22:00', end: '06:00' };
  const minute: TimeWindow = { start: '12:00', end: '12:00' };
  const always: TimeWindow = { start: '00:00', end: '23:59' };
  const wrapped: TimeWindow = { start: '12:01', end: '12:00' };
  const hour = 60 * MINUTE_MS;

  test.each<readonly [string, TimeWindow, string, number]>([
    ['before it opens', day, '08:59:59.999', 1],
    ['the first minute is included', day, '09:00:00.000', 0],
    ['in between', day, '13:30:00.000', 0],
    ['the last minute is included', day, '18:00:00.000', 0],
    ['to its end', day, '18:00:59.999', 0],
    ['after it closed', day, '18:01:00.000', 14 * hour + 59 * MINUTE_MS],
    ['at midnight', day, '00:00:00.000', 9 * hour],
    ['across midnight, before it opens', night, '21:59:59.000', 1_000],
    ['across midnight, in the evening', night, '22:00:00.000', 0],
    ['across midnight, just before it', night, '23:59:59.999', 0],
    ['across midnight, at it', night, '00:00:00.000', 0],
    ['across midnight, in the morning', night, '06:00:59.999', 0],
    ['across midnight, after it closed', night, '06:01:00.000', 15 * hour + 59 * MINUTE_MS],
    ['one minute, in it', minute, '12:00:30.000', 0],
    ['one minute, after it', minute, '12:01:00.000', DAY_MS - MINUTE_MS],
    ['the whole day, at its end', always, '23:59:59.999', 0],
    ['the whole day, written across midnight', wrapped, '12:00:59.999', 0],
    ['the whole day, written across midnight, where it begins', wrapped, '12:01:00.000', 0],
  ])('%s', (_case, window, time, expected) => {
    expect(msUntilOpen(window, at(time))).toBe(expected);
  });

  const minutes = fc.integer({ min: 0, max: 24 * 60 - 1 });
  const show = (minute: number): string =>
    `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;
  const anyMoment = fc.integer({ min: -DAY_MS * 40_000, max: DAY_MS * 40_000 });

  /** The window written out: the minutes of the day that it has, counted from its start on. */
  function isIn(startMinute: number, endMinute: number, nowMs: number): boolean {
    const date = new Date(nowMs);
    const minute = date.getUTCHours() * 60 + date.getUTCMinutes();
    for (let each = startMinute; ; each = (each + 1) % (24 * 60)) {
      if (each === minute) {
        return true;
      }
      if (each === endMinute) {
        return false;
      }
    }
  }

  property.prop([minutes, minutes, anyMoment])(
    'is 0 in every minute of the window, and only there',
    (start, end, nowMs) => {
      const waitMs = msUntilOpen({ start: show(start), end: show(end) }, nowMs);
      expect(waitMs === 0).toBe(isIn(start, end, nowMs));
    },
  );

  property.prop([minutes, minutes, anyMoment])(
    'is the time to the very moment at which it opens, within a day',
    (start, end, nowMs) => {
      const window = { start: show(start), end: show(end) };
      const waitMs = msUntilOpen(window, nowMs);
      expect(waitMs).toBeGreaterThanOrEqual(0);
      expect(waitMs).toBeLessThan(DAY_MS);
      expect(msUntilOpen(window, nowMs + waitMs)).toBe(0);
      expect(waitMs === 0 || msUntilOpen(window, nowMs + waitMs - 1) === 1).toBe(true);
    },
  );
});
