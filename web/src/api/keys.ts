import type { Change } from './wire.js';

/** A prefix of the keys under which answers are kept. */
export type Key = readonly string[];

/** The first part of every key, one for each kind of page. */
export const KEYS = {
  session: ['session'],
  inbox: ['inbox'],
  facets: ['facets'],
  review: ['review'],
  runs: ['runs'],
  run: ['run'],
  workflows: ['workflows'],
  operations: ['operations'],
} as const satisfies Record<string, Key>;

/** Which kept answers a change has made stale. */
export function staleKeys(change: Change): readonly Key[] {
  const run: readonly Key[] =
    change.run_id === null ? [] : [[...KEYS.run, change.run_id], KEYS.runs];
  switch (change.kind) {
    case 'review':
      return [[...KEYS.review, change.id], KEYS.inbox, ...run];
    case 'run':
      return [[...KEYS.run, change.id], KEYS.runs];
    case 'step':
      return run;
    case 'definition':
      return [KEYS.workflows];
  }
}

/** The same for many changes, each key once. */
export function staleKeysOf(changes: readonly Change[]): readonly Key[] {
  const keys = new Map<string, Key>();
  for (const key of changes.flatMap(staleKeys)) {
    keys.set(key.join('/'), key);
  }
  return [...keys.values()];
}
