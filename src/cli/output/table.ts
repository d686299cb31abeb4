import Table from 'cli-table3';
import { printable } from './printable.js';
import type { Paint, Style } from './style.js';

/** What stands in one cell; null stands for nothing. */
export type Cell = string | null | { readonly text: string; readonly paint: Paint };

const MAX_CELL = 72;
const NO_LINES = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
} as const;

/** Lines things up in columns under a head; or says that there are none. */
export function table(
  style: Style,
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  none: string,
): string {
  if (rows.length === 0) {
    return style.dim(none);
  }
  const lines = new Table({
    head: head.map((name) => style.bold(name)),
    chars: NO_LINES,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
  });
  lines.push(...rows.map((row) => row.map(show)));
  return trimEnds(lines.toString());
}

/** Names beside their values; what is empty is left out. */
export function fields(
  style: Style,
  pairs: readonly (readonly [name: string, value: string | null])[],
): string {
  const shown = pairs.filter(([, value]) => value !== null && value !== '');
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  return shown
    .map(([name, value]) => `${style.dim(name.padEnd(width))}  ${printable(value ?? '')}`)
    .join('\n');
}

/** Says that a list goes on, where it does. */
export function moreRows(page: {
  readonly data: readonly unknown[];
  readonly list_metadata: { readonly after: string | null };
}): readonly string[] {
  return page.list_metadata.after === null
    ? []
    : [`There are more than these ${page.data.length}: use --limit to see them.`];
}

function show(cell: Cell): string {
  if (cell === null || typeof cell === 'string') {
    return cut(printable(cell ?? ''));
  }
  return cell.paint(cut(printable(cell.text)));
}

/** Cuts prose that is long; an id never, because people copy it. */
function cut(text: string): string {
  const isLong = text.length > MAX_CELL && text.includes(' ');
  return isLong ? `${text.slice(0, MAX_CELL - 1).replace(/\p{Surrogate}$/u, '')}…` : text;
}

function trimEnds(text: string): string {
  return text
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}
