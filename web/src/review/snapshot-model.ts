import type { Json, JsonObject } from '../api/wire.js';
import { declaredKeys, fieldLabel, isList, isObject, type JsonPath } from './json-values.js';

/** A snapshot as a reader sees it: values, groups of them, and tables of like rows. */
export type Node =
  | {
      readonly kind: 'value';
      readonly path: JsonPath;
      readonly label: string;
      readonly value: Json;
    }
  | {
      readonly kind: 'group';
      readonly path: JsonPath;
      readonly label: string;
      readonly nodes: readonly Node[];
      /** How many items it has if it is a list. */
      readonly count: number | null;
    }
  | {
      readonly kind: 'table';
      readonly path: JsonPath;
      readonly label: string;
      readonly columns: readonly Column[];
      readonly rows: readonly { readonly path: JsonPath; readonly cells: readonly Cell[] }[];
    };

/** A column of a table; numbers are aligned to the right. */
export type Column = {
  readonly key: string;
  readonly label: string;
  readonly isNumeric: boolean;
};

/** One cell; undefined where this row has no such field. */
export type Cell = { readonly path: JsonPath; readonly value: Json | undefined };

const MAX_COLUMNS = 8;

/** The nodes of an object, in the order of its schema where it has one. */
export function nodesOf(value: JsonObject, schema: JsonObject | null): readonly Node[] {
  return children([], value, schema);
}

function children(
  path: JsonPath,
  value: JsonObject,
  schema: Json | undefined | null,
): readonly Node[] {
  return orderedKeys(value, schema).map((key) =>
    nodeOf([...path, key], fieldLabel(key), value[key] ?? null, propertySchema(schema, key)),
  );
}

function nodeOf(path: JsonPath, label: string, value: Json, schema: Json | undefined): Node {
  if (isObject(value)) {
    return { kind: 'group', path, label, nodes: children(path, value, schema), count: null };
  }
  if (isList(value)) {
    const itemSchema = isObject(schema) ? schema['items'] : undefined;
    const table = tableOf(path, label, value, itemSchema);
    if (table !== null) {
      return table;
    }
    if (value.every((item) => !isObject(item) && !isList(item))) {
      return { kind: 'value', path, label, value };
    }
    return {
      kind: 'group',
      path,
      label,
      count: value.length,
      nodes: value.map((item, index) =>
        nodeOf([...path, index], String(index + 1), item, itemSchema),
      ),
    };
  }
  return { kind: 'value', path, label, value };
}

/** Objects of plain values with a handful of keys between them read best as a table. */
function tableOf(
  path: JsonPath,
  label: string,
  items: readonly Json[],
  schema: Json | undefined,
): Node | null {
  const rows = items.filter(isObject);
  if (items.length === 0 || rows.length < items.length) {
    return null;
  }
  const keys = orderedKeys(Object.assign({}, ...rows) as JsonObject, schema); // oxlint-disable-line typescript/no-unsafe-type-assertion -- rows are objects of JSON
  const isFlat = rows.every((row) =>
    Object.values(row).every((cell) => !isObject(cell) && !isList(cell)),
  );
  if (!isFlat || keys.length === 0 || keys.length > MAX_COLUMNS) {
    return null;
  }
  return {
    kind: 'table',
    path,
    label,
    columns: keys.map((key) => ({
      key,
      label: fieldLabel(key),
      isNumeric: isNumericColumn(rows.map((row) => row[key])),
    })),
    rows: rows.map((row, index) => ({
      path: [...path, index],
      cells: keys.map((key) => ({
        path: [...path, index, key],
        value: Object.hasOwn(row, key) ? row[key] : undefined,
      })),
    })),
  };
}

function isNumericColumn(cells: readonly (Json | undefined)[]): boolean {
  const known = cells.filter((cell) => cell !== null && cell !== undefined);
  return known.length > 0 && known.every((cell) => typeof cell === 'number');
}

/** Keys in the order of the schema, then the others: snapshots are stored in alphabetical order. */
function orderedKeys(value: JsonObject, schema: Json | undefined | null): readonly string[] {
  const declared = declaredKeys(schema);
  return [
    ...declared.filter((key) => Object.hasOwn(value, key)),
    ...Object.keys(value).filter((key) => !declared.includes(key)),
  ];
}

function propertySchema(schema: Json | undefined | null, key: string): Json | undefined {
  const properties = schema !== null && isObject(schema) ? schema['properties'] : undefined;
  return isObject(properties) ? properties[key] : undefined;
}

/** What a value looks like in a line of text. */
export function showValue(value: Json | undefined): string {
  if (value === undefined) {
    return '—';
  }
  if (value === null) {
    return 'no value';
  }
  if (typeof value === 'number') {
    return showNumber(value);
  }
  if (typeof value === 'string') {
    return value;
  }
  if (isList(value) && value.every((item) => !isObject(item) && !isList(item))) {
    return value.length === 0 ? 'empty list' : value.map(showValue).join(', ');
  }
  return isObject(value) || isList(value) ? JSON.stringify(value) : String(value);
}

/** A number with its thousands apart, and every digit that it has. */
function showNumber(value: number): string {
  const text = String(value);
  const [, sign = '', whole = '', rest = ''] = /^(-?)(\d+)(\.\d+)?$/.exec(text) ?? [];
  // A thin space that does not break, so that no digit is read as another's separator.
  return whole.length <= 4
    ? text
    : `${sign}${whole.replaceAll(/\B(?=(\d{3})+$)/g, '\u202f')}${rest}`;
}

/** The address in a text if it is one that may be followed. */
export function linkIn(text: string): URL | null {
  return /^https?:\/\/\S+$/i.test(text) && URL.canParse(text) ? new URL(text) : null;
}
