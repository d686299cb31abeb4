import { readFileSync } from 'node:fs';

/** The version of this package, as `package.json` has it. */
export const VERSION = readVersion();

function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const found = /"version": "([^"]+)"/.exec(text);
  if (found?.[1] === undefined) {
    throw new Error('package.json has no version');
  }
  return found[1];
}
