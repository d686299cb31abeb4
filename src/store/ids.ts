import { v7 } from 'uuid';
import { base32 } from '../rules/content-ids.js';

/** The kinds of rows whose ids the application makes, by their prefix. */
export type IdPrefix = 'run' | 'rev' | 'fct' | 'tok' | 'ses';

/** Makes an id: the prefix and 26 characters of A-Z2-7, unique and roughly ordered by time of making. */
export function newId(prefix: IdPrefix): string {
  return `${prefix}_${base32(v7({}, new Uint8Array(16)))}`;
}
