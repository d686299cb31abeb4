/** The way to a place in a snapshot: keys of objects, and indexes of arrays from 0. */
export type SnapshotPath = readonly (string | number)[];

const PLAIN_KEY = /^[\p{L}_$][\p{L}\p{N}_$-]*$/u;

/**
 * A path as people read and write it: `lines[2].amount`, and `["a key.with dots"]` where a key is no plain word.
 *
 * The whole snapshot is `(all)`, which is no path that can be written.
 */
export function showPath(path: SnapshotPath): string {
  const text = path
    .map((step) => {
      if (typeof step === 'number') {
        return `[${step}]`;
      }
      return PLAIN_KEY.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
    })
    .join('')
    .replace(/^\./, '');
  return text === '' ? '(all)' : text;
}

const STEP = /\.?([\p{L}_$][\p{L}\p{N}_$-]*)|\[(\d{1,9})\]|\[("(?:[^"\\]|\\.)*")\]/uy;

/** Reads a path that `showPath` wrote, or a person; null when it is none. */
export function parsePath(text: string): SnapshotPath | null {
  const path: (string | number)[] = [];
  STEP.lastIndex = 0;
  while (STEP.lastIndex < text.length) {
    const at = STEP.lastIndex;
    const match = STEP.exec(text);
    const hasDot = match?.[0].startsWith('.') === true;
    const isName = match?.[1] !== undefined;
    // A dot stands between two names or behind brackets, and nowhere else.
    if (match === null || (isName && hasDot !== at > 0)) {
      return null;
    }
    const step = readStep(match);
    if (step === null) {
      return null;
    }
    path.push(step);
  }
  return path.length === 0 ? null : path;
}

function readStep([, name, index, quoted]: RegExpExecArray): string | number | null {
  if (name !== undefined) {
    return name;
  }
  if (index !== undefined) {
    return Number(index);
  }
  try {
    const key: unknown = JSON.parse(quoted ?? '');
    return typeof key === 'string' ? key : null;
  } catch {
    return null;
  }
}
