import type { Json } from '../../domain/json.js';
import type { Difference } from '../../domain/snapshot-diff.js';
import { showPath } from '../../domain/snapshot-path.js';
import { printable } from './printable.js';
import type { Style } from './style.js';

/** Differences, one a line: `~ total_amount: 300 → 325`, `+ note: "new"`, `- iban: "gone"`. */
export function showDifferences(style: Style, differences: readonly Difference[]): string {
  return differences.map((one) => showDifference(style, one)).join('\n');
}

/** Whole values: what a person decides on is never cut. */
function showDifference(style: Style, difference: Difference): string {
  const path = printable(showPath(difference.path));
  switch (difference.kind) {
    case 'added':
      return style.green(`+ ${path}: ${showValue(difference.after)}`);
    case 'removed':
      return style.red(`- ${path}: ${showValue(difference.before)}`);
    case 'changed':
      return `~ ${path}: ${style.red(showValue(difference.before))} → ${style.green(showValue(difference.after))}`;
  }
}

function showValue(value: Json): string {
  return printable(JSON.stringify(value));
}

/** Differences for programs: where, as a path and as text, what kind, and the values. */
export function differencesForPrograms(differences: readonly Difference[]): readonly object[] {
  return differences.map((one) => ({ at: showPath(one.path), ...one }));
}
