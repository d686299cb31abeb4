/** Something that is true or false of what a gate looks at: a CEL expression. */
export interface Condition {
  /** True if this or one of the others is. */
  or(...others: readonly Condition[]): Condition;
  /** True if this and all the others are. */
  and(...others: readonly Condition[]): Condition;
  /** True if this is false. */
  not(): Condition;
}

type Joint = '||' | '&&';

/** A condition as text, with the operator that joins its parts if there are several. */
type Written = { readonly parts: readonly string[]; readonly joint: Joint | null };

const written = new WeakMap<object, Written>();

/** Makes a condition of an expression that binds tighter than `&&` and `||`. */
export function condition(cel: string): Condition {
  return made({ parts: [cel], joint: null });
}

/** Makes a condition of an expression as somebody wrote it, whatever operators it has. */
export function rawCondition(cel: string): Condition {
  return made({ parts: [cel], joint: '||' });
}

/** Lets a value stand where a condition may, as a field that is true or false does. */
export function standsFor(value: object, cel: string): void {
  written.set(value, { parts: [cel], joint: null });
}

/** The expression of a condition; null if a value is none. */
export function conditionText(value: unknown): string | null {
  const found = writtenOf(value);
  return found === undefined ? null : found.parts.join(` ${found.joint ?? ''} `);
}

function writtenOf(value: unknown): Written | undefined {
  const isObject = (typeof value === 'object' && value !== null) || typeof value === 'function';
  return isObject ? written.get(value) : undefined;
}

function made(own: Written): Condition {
  const made: Condition = {
    or: (...others) => join('||', [made, ...others]),
    and: (...others) => join('&&', [made, ...others]),
    not: () => condition(`!${bracketed(own, null)}`),
  };
  written.set(made, own);
  return made;
}

/** Joins conditions; one that is joined by the same operator already adds its parts, so that brackets do not pile up. */
export function join(joint: Joint, conditions: readonly unknown[]): Condition {
  const parts = conditions.flatMap((value) => {
    const own = writtenOf(value);
    if (own === undefined) {
      throw new TypeError(`${joint === '||' ? 'or' : 'and'}() takes conditions only`);
    }
    return own.joint === joint && own.parts.length > 1 ? own.parts : [bracketed(own, joint)];
  });
  return made({ parts, joint });
}

/** A condition as a part of another: in brackets unless it binds tighter than what surrounds it. */
function bracketed({ parts, joint }: Written, outer: Joint | null): string {
  const text = parts.join(` ${joint ?? ''} `);
  return joint === null ? (outer === null && / /.test(text) ? `(${text})` : text) : `(${text})`;
}

/**
 * A JSON value as CEL writes it.
 *
 * A number is a double, `10000.0`, unless its field is declared an integer: so that both sides of a comparison look alike.
 */
export function celLiteral(value: unknown, isInteger = false): string {
  if (typeof value === 'number') {
    return celNumber(value, isInteger);
  }
  if (value === null || typeof value === 'boolean' || typeof value === 'string') {
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value;
    return `[${items.map((item) => celLiteral(item, isInteger)).join(', ')}]`;
  }
  if (typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype) {
    const fields: readonly (readonly [string, unknown])[] = Object.entries(value);
    return `{${fields.map(([key, item]) => `${JSON.stringify(key)}: ${celLiteral(item)}`).join(', ')}}`;
  }
  throw new TypeError(`cannot compare with a value of type ${typeof value}: JSON has none`);
}

function celNumber(value: number, isInteger: boolean): string {
  if (!Number.isFinite(value)) {
    throw new TypeError(`cannot compare with ${value}: JSON has no such number`);
  }
  const text = String(value);
  if (isInteger && Number.isSafeInteger(value)) {
    return text;
  }
  return /[.e]/.test(text) ? text : `${text}.0`;
}
