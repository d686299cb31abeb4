import type { Check } from '../verification/check.js';
import { printable } from './printable.js';
import type { Style } from './style.js';

/** What a verification shows, and what it cannot. */
export const PROVES =
  'Shown: by the rules of this command, the declared gate and the recorded facts lead to what the server says, and versions are what their ids say.';
export const DOES_NOT_PROVE =
  'Not shown: that the record is whole and true: who really voted, who was in which group or an admin at that moment, and what the clocks said.';

/** Checks, one a line, and under a failed one what was derived and what is served. */
export function showChecks(style: Style, checks: readonly Check[]): string {
  return [...checks.map((check) => showCheck(style, check)), '', PROVES, DOES_NOT_PROVE].join('\n');
}

function showCheck(style: Style, { name, passed, derived, served, note }: Check): string {
  const title = printable(name);
  if (passed === null) {
    return `${style.yellow('?')} ${title}: not checked, because ${printable(note ?? '')}`;
  }
  return passed
    ? `${style.green('✓')} ${title}`
    : [
        `${style.red('✗')} ${title}`,
        `    derived  ${printable(JSON.stringify(derived))}`,
        `    served   ${printable(JSON.stringify(served))}`,
      ].join('\n');
}
