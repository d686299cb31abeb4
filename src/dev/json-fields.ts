/** The fields of a JSON object or array; none when the text is anything else, so that each has to be checked. */
export function jsonFields(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return fieldsOf(value);
  } catch {
    return {};
  }
}

/** The enumerable fields of a value; none when it is no object. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  const entries: readonly (readonly [string, unknown])[] =
    typeof value === 'object' && value !== null ? Object.entries(value) : [];
  return Object.fromEntries(entries);
}
