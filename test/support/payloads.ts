/** Every payload in a part of a history, decoded; what is no JSON (a forger's garbage) is left out. */
export function payloadsOf(part: unknown): readonly unknown[] {
  if (typeof part !== 'object' || part === null) {
    return [];
  }
  if ('metadata' in part && 'data' in part && part.data instanceof Uint8Array) {
    try {
      return [JSON.parse(Buffer.from(part.data).toString('utf8'))];
    } catch {
      return [];
    }
  }
  return Object.values(part).flatMap((child: unknown) => payloadsOf(child));
}

/** Every string in a value, keys left out. */
export function stringsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') {
    return [value];
  }
  return typeof value === 'object' && value !== null
    ? Object.values(value).flatMap((child: unknown) => stringsIn(child))
    : [];
}

/** All text of a history, payloads decoded, to look for what must not be in it. */
export function wordsOf(events: unknown): string {
  return JSON.stringify(events, (_, value: unknown) => {
    const bytes = asBytes(value);
    return bytes === null ? value : Buffer.from(bytes).toString('utf8');
  });
}

// A Buffer has become `{type, data}` by the time a replacer sees it.
function asBytes(value: unknown): Uint8Array | null {
  if (value instanceof Uint8Array) {
    return value;
  }
  const isBuffer =
    typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer';
  return isBuffer && 'data' in value && Array.isArray(value.data)
    ? Uint8Array.from(value.data as readonly number[])
    : null;
}
