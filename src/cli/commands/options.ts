import { InvalidArgumentError, Option } from 'commander';
import { isJsonObject, type JsonObject } from '../../domain/json.js';

const DEFAULT_LIMIT = 50;

/** `--limit`: how many rows a list shows. */
export function limitOption(): Option {
  return new Option('--limit <count>', 'how many to show')
    .argParser(wholeNumber)
    .default(DEFAULT_LIMIT);
}

function wholeNumber(text: string): number {
  if (!/^\d{1,6}$/.test(text) || Number(text) === 0) {
    throw new InvalidArgumentError('Expected a whole number from 1 to 999999.');
  }
  return Number(text);
}

/** Gathers the values of an option that may be given several times. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** Reads an option's value as a JSON object. */
export function jsonObjectArgument(text: string): JsonObject {
  const value = jsonArgument(text);
  if (!isJsonObject(value)) {
    throw new InvalidArgumentError('Expected a JSON object such as {"a_block": {"total": 12}}.');
  }
  return value;
}

/** Reads an option's value as JSON. */
export function jsonArgument(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'not JSON';
    throw new InvalidArgumentError(`It is not JSON (${reason}).`);
  }
}
