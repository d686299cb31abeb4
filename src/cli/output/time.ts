/** A time of the API as people read it, in UTC: `2026-05-13 08:14:02Z`; nothing for none. */
export function showTime(at: string | null): string {
  return at === null ? '' : at.replace('T', ' ').replace(/\.\d+Z$/, 'Z');
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
] as const;

/** When a decision is wanted, seen from now: `due in 3 h`, or `overdue since 2026-05-13 08:14:02Z`. */
export function showDue(dueAt: string, nowMs: number): string {
  const leftMs = Date.parse(dueAt) - nowMs;
  if (leftMs <= 0) {
    return `overdue since ${showTime(dueAt)}`;
  }
  const [unit, size] = UNITS.find(([, each]) => leftMs >= each) ?? ['s', 1_000];
  return `due in ${Math.max(1, Math.floor(leftMs / size))} ${unit}`;
}
