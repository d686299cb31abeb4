/**
 * The hours of every day, in UTC, in which an approved step may go on.
 *
 * Both are times of day as `isTimeOfDay` knows them. Both minutes are included, and a window whose
 * end comes before its start crosses midnight.
 */
export type TimeWindow = { readonly start: string; readonly end: string };

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** Whether a text is a time of day in 24 hours: `00:00` to `23:59`. */
export function isTimeOfDay(text: string): boolean {
  return /^(?:[01]\d|2[0-3]):[0-5]\d$/.test(text);
}

/**
 * How long until a window is open; 0 while it is.
 *
 * @param nowMs milliseconds since 1970 in UTC, where every day has the same length
 */
export function msUntilOpen({ start, end }: TimeWindow, nowMs: number): number {
  const [startMs, endMs] = [msIntoDay(start), msIntoDay(end)];
  const sinceMidnightMs = modulo(nowMs, DAY_MS);
  // The last minute is open to its end.
  const isAfterStart = sinceMidnightMs >= startMs;
  const isBeforeEnd = sinceMidnightMs < endMs + MINUTE_MS;
  const isOpen = startMs <= endMs ? isAfterStart && isBeforeEnd : isAfterStart || isBeforeEnd;
  return isOpen ? 0 : modulo(startMs - sinceMidnightMs, DAY_MS);
}

/** Names a window for people: `09:00 to 18:00 UTC`. */
export function describeTimeWindow({ start, end }: TimeWindow): string {
  return `${start} to ${end} UTC`;
}

function msIntoDay(timeOfDay: string): number {
  const [hours = '', minutes = ''] = timeOfDay.split(':');
  return (Number(hours) * 60 + Number(minutes)) * MINUTE_MS;
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by;
}
