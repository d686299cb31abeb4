import type { BlockInput, Definition } from '../domain/definition.js';
import type { Json, JsonObject } from '../domain/json.js';

// What the store holds as text was checked before it was written, so it is believed when it is read
// back. This file is the one place that does so, and the one that lint lets assert it.

/** Reads back any stored JSON text. */
export function readJson(text: string): Json {
  return JSON.parse(text) as Json;
}

/** Reads back the stored text of a JSON object: inputs, a snapshot, a consensus. */
export function readJsonObject(text: string): JsonObject {
  return JSON.parse(text) as JsonObject;
}

/** Reads back a stored definition, which was checked when it was declared. */
export function readDefinitionText(text: string): Definition {
  return JSON.parse(text) as Definition;
}

/** Outputs by block id, as a block's input carries them. */
export function blockOutputs(pairs: readonly (readonly [string, Json])[]): BlockInput['blocks'] {
  return Object.fromEntries(pairs);
}
