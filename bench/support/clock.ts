/**
 * Milliseconds on the machine's monotonic clock, which all processes of a machine share: a time taken
 * in one can be subtracted from a time taken in another.
 */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
