import type { Json } from '../domain/json.js';

/** A moment to any fraction of a second that a text can name. */
export type Moment = {
  readonly epochSeconds: number;
  /** The digits after the point, without trailing zeros. */
  readonly fraction: string;
};

const FORM =
  /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,20}))?(?:([Zz])|([+-])(\d{2}):(\d{2})))?$/;

/**
 * The moment of an RFC 3339 date-time, or of a date, which is 00:00 UTC; null for anything else.
 *
 * As the RFC allows, `t`, `z` and a space before the time are read, and a leap second is the first moment of the next
 * minute. A time without an offset is no RFC 3339: whose noon it is, nobody knows.
 */
export function parseMoment(value: Json): Moment | null {
  const match = typeof value === 'string' ? FORM.exec(value) : null;
  if (match === null) {
    return null;
  }
  const [, year, month, day, hour, minute, second, fraction, , sign, offsetHour, offsetMinute] =
    match;
  const date = [year, month, day].map(Number);
  const time = [hour, minute, second, offsetHour, offsetMinute].map((part) => Number(part ?? 0));
  const [y = 0, m = 0, d = 0] = date;
  const [h = 0, min = 0, s = 0, oh = 0, om = 0] = time;
  if (h > 23 || min > 59 || s > 60 || oh > 23 || om > 59) {
    return null;
  }
  const midnight = new Date(0);
  midnight.setUTCFullYear(y, m - 1, d);
  // The thirtieth of February becomes the second of March: then it was no date.
  if (midnight.getUTCMonth() !== m - 1) {
    return null;
  }
  const offsetSeconds = (oh * 60 + om) * (sign === '-' ? -60 : 60);
  return {
    epochSeconds: midnight.getTime() / 1000 + (h * 60 + min) * 60 + s - offsetSeconds,
    fraction: (fraction ?? '').replace(/0+$/, ''),
  };
}

/** Below zero if `left` is before `right`, above if it is after, zero if they are the same moment. */
export function compareMoments(left: Moment, right: Moment): number {
  if (left.epochSeconds !== right.epochSeconds) {
    return left.epochSeconds - right.epochSeconds;
  }
  if (left.fraction === right.fraction) {
    return 0;
  }
  return left.fraction < right.fraction ? -1 : 1;
}
