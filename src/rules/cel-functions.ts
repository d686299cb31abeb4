import {
  CelScalar,
  celFunc,
  celList,
  celMethod,
  isCelMap,
  listType,
  mapType,
  objectType,
  type CelFunc,
  type CelList,
  type CelValue,
} from '@bufbuild/cel';
import { timestampDate, timestampFromMs, TimestampSchema } from '@bufbuild/protobuf/wkt';

const { BOOL, BYTES, DOUBLE, DYN, INT, STRING, UINT } = CelScalar;
const LIST = listType(DYN);
const MAP = mapType(DYN, DYN);
const TIMESTAMP = objectType(TimestampSchema);

/** The name that `has(a.b)` is called by after rewriting; no source can spell it. */
export const HAS = '@has';

/**
 * Functions in which the library departs from the specification in a way that could keep a gate shut, or that
 * depends on the machine. Each line is held by a row of the conformance table.
 */
export const correctedFunctions: CelFunc[] = [
  // `has({'a': null}.a)` and `'a' in {'a': null}` are true: the key is there.
  celFunc(HAS, [DYN, STRING], BOOL, (value, key) => {
    if (!isCelMap(value)) {
      throw new Error(`has() was asked for the field ${key} of something that has no fields`);
    }
    return value.get(key) !== undefined;
  }),
  ...[STRING, DOUBLE, INT, BOOL, UINT].map((type) =>
    celFunc('@in', [type, MAP], BOOL, (key, map) => map.get(key) !== undefined),
  ),
  // `double('12,000')` was NaN, which is greater than nothing; `int('')` was 0.
  celFunc('double', [STRING], DOUBLE, (text) =>
    Number(spelling(text, /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i, 'double')),
  ),
  celFunc('int', [STRING], INT, (text) => withinInt(spelling(text, /^[+-]?\d{1,19}$/, 'int'))),
  // Seconds since 1970, as `int(timestamp)` gives; the library reads milliseconds.
  celFunc('timestamp', [INT], TIMESTAMP, (seconds) => timestampFromMs(Number(seconds) * 1_000)),
  // Lists that grow by `+` nest in the library, which makes reading them quadratic and then overflows the stack.
  celFunc('_+_', [LIST, LIST], LIST, (left, right) => {
    boundLength(left.size + right.size);
    return listOf(itemsOf(left).concat(itemsOf(right)));
  }),
  // What doubles thirty times would fill the memory.
  celFunc('_+_', [STRING, STRING], STRING, (left, right) => {
    boundLength(left.length + right.length);
    return left + right;
  }),
  celFunc('_+_', [BYTES, BYTES], BYTES, (left, right) => {
    boundLength(left.length + right.length);
    return new Uint8Array([...left, ...right]);
  }),
  // The library reads the clock in the machine's time zone.
  ...clock('getFullYear', (date) => date.getUTCFullYear()),
  ...clock('getMonth', (date) => date.getUTCMonth()),
  ...clock('getDate', (date) => date.getUTCDate()),
  ...clock('getDayOfMonth', (date) => date.getUTCDate() - 1),
  ...clock('getDayOfWeek', (date) => date.getUTCDay()),
  ...clock('getDayOfYear', (date) =>
    Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000),
  ),
  ...clock('getHours', (date) => date.getUTCHours()),
  ...clock('getMinutes', (date) => date.getUTCMinutes()),
  ...clock('getSeconds', (date) => date.getUTCSeconds()),
  ...clock('getMilliseconds', (date) => date.getUTCMilliseconds()),
];

/** What an expression may build by `+`: twice what it may see. */
const MAX_BUILT = 2 * 1024 * 1024;

function boundLength(length: number): void {
  if (length > MAX_BUILT) {
    throw new Error(`a result of + has ${length} items or characters; at most ${MAX_BUILT} may be`);
  }
}

const itemsOfLists = new WeakMap<CelList, readonly CelValue[]>();

/** A list whose items can be read back at once, which the library's own lists cannot. */
export function listOf(items: readonly CelValue[]): CelList {
  const list = celList(items);
  itemsOfLists.set(list, items);
  return list;
}

/** The items of any list. */
function itemsOf(list: CelList): readonly CelValue[] {
  return itemsOfLists.get(list) ?? [...list];
}

function spelling(text: string, form: RegExp, type: string): string {
  if (!form.test(text)) {
    throw new Error(`${type}() was given a string that spells no ${type}`);
  }
  return text;
}

function withinInt(digits: string): bigint {
  const value = BigInt(digits.replace(/^\+/, ''));
  if (BigInt.asIntN(64, value) !== value) {
    throw new Error('int() was given a string beyond 64 bits');
  }
  return value;
}

/** A method of timestamps, alone and with a time zone: `getHours()`, `getHours('+02:00')`, `getHours('Asia/Tokyo')`. */
function clock(name: string, read: (date: Date) => number): CelFunc[] {
  return [
    celMethod(name, TIMESTAMP, [], INT, function () {
      return BigInt(read(timestampDate(this.message)));
    }),
    celMethod(name, TIMESTAMP, [STRING], INT, function (zone) {
      return BigInt(read(wallClock(timestampDate(this.message), zone)));
    }),
  ];
}

/** The date whose UTC fields are what a clock shows in a time zone. */
function wallClock(date: Date, zone: string): Date {
  const [, sign, hours, minutes] = /^([+-]?)(\d\d):(\d\d)$/.exec(zone) ?? [];
  if (hours !== undefined) {
    const offsetMs = (Number(hours) * 60 + Number(minutes)) * 60_000;
    return new Date(date.getTime() + (sign === '-' ? -offsetMs : offsetMs));
  }
  const parts = new Intl.DateTimeFormat('en-US', {
    calendar: 'iso8601',
    hourCycle: 'h23',
    timeZone: zone,
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  }).formatToParts(date);
  const field = (type: string): number => Number(parts.find((part) => part.type === type)?.value);
  return new Date(
    Date.UTC(
      field('year'),
      field('month') - 1,
      field('day'),
      field('hour'),
      field('minute'),
      field('second'),
      date.getUTCMilliseconds(),
    ),
  );
}
