const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

/** No duration of a gate or a block may be longer: ten years of 365 days. */
const LONGEST_DURATION_MS = 3_650 * 86_400_000;

/**
 * The milliseconds of a duration such as `500ms`, `30s`, `5m`, `24h` or `7d`.
 *
 * Null for anything else, and for what is longer than ten years.
 */
export function parseDurationMs(text: string): number | null {
  const [, digits = '', unit = ''] = /^(\d{1,15})(ms|s|m|h|d)$/.exec(text) ?? [];
  const unitMs = UNIT_MS.get(unit);
  const durationMs = unitMs === undefined ? Number.NaN : Number(digits) * unitMs;
  return durationMs <= LONGEST_DURATION_MS ? durationMs : null;
}
