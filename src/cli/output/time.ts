/** A time of the API as people read it, in UTC: `2026-05-13 08:14:02Z`; nothing for none. */
export function showTime(at: string | null): string {
  return at === null ? '' : at.replace('T', ' ').replace(/\.\d+Z$/, 'Z');
}
