import { isJsonObject, type JsonObject } from '../domain/json.js';
import {
  celLiteral,
  condition,
  conditionText,
  join,
  standsFor,
  type Condition,
} from './conditions.js';

/** A place in what a gate looks at: its CEL, the schema that speaks about it, and where it hangs. */
type Place = {
  readonly cel: string;
  readonly schema: JsonObject | null;
  readonly parent: Place | null;
  readonly name: string;
};

const places = new WeakMap<object, Place>();

/** The field that a root such as `output` stands for. */
export function rootField(root: string, schema: JsonObject | null): unknown {
  return fieldAt({ cel: root, schema, parent: null, name: root });
}

/**
 * A field as JavaScript sees it.
 *
 * Each name gives the field of that name, and calling it asks its parent the operator of that name: so an operator never
 * hides a field that is called like it. `output.size.gt(3)` is about a field, `output.size()` counts.
 */
function fieldAt(place: Place): unknown {
  const field = new Proxy(() => undefined, {
    get: (_, name) => (typeof name === 'string' ? fieldAt(childOf(place, name)) : undefined),
    apply: (_, __, args: readonly unknown[]) => {
      const operator = Object.hasOwn(OPERATORS, place.name) ? OPERATORS[place.name] : undefined;
      if (operator === undefined || place.parent === null) {
        throw new TypeError(`fields have no operator ${place.name}()`);
      }
      return operator(place.parent, ...args);
    },
  });
  places.set(field, place);
  standsFor(field, place.cel);
  return field;
}

function childOf(place: Place, name: string): Place {
  const properties = place.schema?.['properties'];
  const schema = isJsonObject(properties) ? properties[name] : undefined;
  return {
    cel: isName(name) ? `${place.cel}.${name}` : `${place.cel}[${JSON.stringify(name)}]`,
    schema: isJsonObject(schema) ? schema : null,
    parent: place,
    name,
  };
}

/** Words that CEL keeps for itself, or for later. */
const RESERVED =
  'as break const continue else false for function if import in let loop namespace null package return true var void while';

function isName(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !RESERVED.split(' ').includes(name);
}

function placeOf(value: unknown): Place | undefined {
  return typeof value === 'function' ? places.get(value) : undefined;
}

function operand(value: unknown, place: Place): string {
  const types = place.schema?.['type'];
  const names: readonly unknown[] = Array.isArray(types) ? types : [types];
  return (
    placeOf(value)?.cel ?? celLiteral(value, names.includes('integer') && !names.includes('number'))
  );
}

type Operator = (place: Place, ...args: readonly unknown[]) => unknown;

const compare =
  (operator: string): Operator =>
  (place, value) =>
    condition(`${place.cel} ${operator} ${operand(value, place)}`);

const call =
  (name: string): Operator =>
  (place, value) =>
    condition(`${place.cel}.${name}(${celLiteral(value)})`);

const joined =
  (joint: '||' | '&&'): Operator =>
  (place, ...others) =>
    join(joint, [condition(place.cel), ...others]);

/** Every operator of every field; the types say which field has which. */
const OPERATORS: { readonly [name: string]: Operator } = {
  isNull: ({ cel }) => condition(`${cel} == null`),
  isNotNull: ({ cel }) => condition(`${cel} != null`),
  isPresent: (place) => condition(presence(place)),
  isMissing: (place) => condition(presence(place)).not(),
  eq: compare('=='),
  ne: compare('!='),
  gt: compare('>'),
  gte: compare('>='),
  lt: compare('<'),
  lte: compare('<='),
  in: compare('in'),
  contains: call('contains'),
  startsWith: call('startsWith'),
  endsWith: call('endsWith'),
  matches: call('matches'),
  size: (place) =>
    fieldAt({
      cel: `${place.cel}.size()`,
      schema: { type: 'integer' },
      parent: place,
      name: 'size()',
    }),
  field: (place, name) => fieldAt(childOf(place, String(name))),
  at: (place, index) =>
    fieldAt({
      cel: `${place.cel}[${celLiteral(index, true)}]`,
      schema: itemSchema(place),
      parent: place,
      name: String(index),
    }),
  has: (place, value) => condition(`${celLiteral(value)} in ${place.cel}`),
  some: (place, holds) => loop(place, 'exists', holds),
  every: (place, holds) => loop(place, 'all', holds),
  or: joined('||'),
  and: joined('&&'),
  not: ({ cel }) => condition(cel).not(),
};

function presence(place: Place): string {
  const { parent, name } = place;
  if (parent === null || place.cel.endsWith(')') || /\[\d+\]$/.test(place.cel)) {
    throw new TypeError(
      `${place.cel} is no field of an object, so it cannot be asked whether it is present`,
    );
  }
  return isName(name) ? `has(${place.cel})` : `${JSON.stringify(name)} in ${parent.cel}`;
}

function itemSchema({ schema }: Place): JsonObject | null {
  const items = schema?.['items'];
  return isJsonObject(items) ? items : null;
}

/** How many loops surround the one that is being written: each has a variable of its own. */
let depth = 0;

function loop(place: Place, macro: string, holds: unknown): Condition {
  if (typeof holds !== 'function') {
    throw new TypeError('some() and every() take a function from an item to a condition');
  }
  depth += 1;
  try {
    const variable = depth === 1 ? 'item' : `item${depth}`;
    const item = fieldAt({
      cel: variable,
      schema: itemSchema(place),
      parent: null,
      name: variable,
    });
    const given: unknown = Reflect.apply(holds, undefined, [item]);
    const text = conditionText(given);
    if (text === null) {
      throw new TypeError('the function of some() or every() gave no condition');
    }
    return condition(`${place.cel}.${macro}(${variable}, ${text})`);
  } finally {
    depth -= 1;
  }
}
