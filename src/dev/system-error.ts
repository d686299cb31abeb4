/** The code of an operating system's or a database's error (`ENOENT`, `28P01`), or null when it has none. */
export function errorCode(error: unknown): string | null {
  if (typeof error !== 'object' || error === null || !('code' in error)) {
    return null;
  }
  return typeof error.code === 'string' ? error.code : null;
}

/** What to show of an error in a sentence. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
