const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

/** Reads a declared duration (`30s`, `5m`, `24h`, `500ms`, `30d`) as milliseconds; null if it is none. */
export function parseDurationMs(text: string): number | null {
  const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text);
  const unitMs = UNIT_MS.get(match?.[2] ?? '');
  return unitMs === undefined ? null : Number(match?.[1]) * unitMs;
}
