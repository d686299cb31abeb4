import type { Dialect } from './dialect.js';
import { hoop } from './hoop.js';
import { retab } from './retab.js';
import { velt } from './velt.js';

/** The contracts that have a part of the address space to themselves. */
const PREFIXES: readonly (readonly [prefix: string, Dialect])[] = [
  ['/api', hoop],
  ['/v2/workflow', velt],
];

/** The contract in whose form a path is answered where no route serves it. */
export function dialectAt(path: string): Dialect {
  const found = PREFIXES.find(([prefix]) => path === prefix || path.startsWith(`${prefix}/`));
  return found?.[1] ?? retab;
}
