import { Worker } from 'node:worker_threads';
import type { StructuredTextItem } from 'unpdf';
import { InvoiceError } from './invoice-error.js';

/** What the thread answers: the pieces of text of each page, or what is wrong. */
type Answer = { readonly pages: readonly Page[] } | { readonly problem: string };
type Page = readonly StructuredTextItem[];

/** One line of text on a page, as the cells that a gap sets apart. */
export type Row = readonly Cell[];

/** Text that belongs together, and where it starts, in points from the left edge. */
export type Cell = { readonly text: string; readonly x: number };

const MAX_PAGES = 20;

/** About fifty times what an invoice takes, start of the thread included. */
const DEADLINE_MS = 10_000;

/** Reads the text of a PDF row by row, from top to bottom; a scan, which holds a picture only, is refused. */
export async function readPdfRows(
  bytes: Uint8Array,
  deadlineMs = DEADLINE_MS,
): Promise<readonly Row[]> {
  const pages = await readPages(bytes, deadlineMs);
  const rows = pages.flatMap(toRows);
  if (rows.length === 0) {
    throw new InvoiceError('unreadable', 'is a PDF without any text, perhaps a scan');
  }
  return rows;
}

/**
 * Runs the parser on a thread of its own, which can be stopped.
 *
 * A PDF is a program: 1.3 kB that save the graphics state half a million times keep the parser
 * busy for hours, and no timeout can end what holds the thread that would have to notice.
 */
async function readPages(bytes: Uint8Array, deadlineMs: number): Promise<readonly Page[]> {
  const worker = new Worker(new URL('pdf-worker.js', import.meta.url), {
    workerData: { bytes, maxPages: MAX_PAGES },
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: 256 },
  });
  try {
    const answer = await answerOf(worker, deadlineMs);
    if ('pages' in answer) {
      return answer.pages;
    }
    throw new InvoiceError('unreadable', `is not a readable PDF: ${answer.problem}`);
  } finally {
    await worker.terminate();
  }
}

function answerOf(worker: Worker, deadlineMs: number): Promise<Answer> {
  return new Promise((resolve) => {
    worker.once('message', resolve);
    worker.once('error', ({ message }) => resolve({ problem: message }));
    worker.once('exit', () => resolve({ problem: 'the parser gave up' }));
    AbortSignal.timeout(deadlineMs).addEventListener('abort', () =>
      resolve({ problem: `it takes over ${deadlineMs / 1000} seconds` }),
    );
  });
}

function toRows(items: Page): readonly Row[] {
  const rows: StructuredTextItem[][] = [];
  const printed = items.filter(({ str }) => str.trim() !== '');
  for (const item of printed.toSorted((a, b) => b.y - a.y)) {
    const row = rows.at(-1);
    const first = row?.[0];
    if (row !== undefined && first !== undefined && first.y - item.y < first.fontSize / 2) {
      row.push(item);
    } else {
      rows.push([item]);
    }
  }
  return rows.map(toCells);
}

function toCells(items: readonly StructuredTextItem[]): Row {
  const cells: { text: string; x: number; end: number }[] = [];
  for (const { str, x, width, fontSize } of items.toSorted((a, b) => a.x - b.x)) {
    const cell = cells.at(-1);
    const gap = cell === undefined ? Infinity : x - cell.end;
    if (cell !== undefined && gap < fontSize) {
      cell.text += gap > fontSize / 8 ? ` ${str}` : str;
      cell.end = x + width;
    } else {
      cells.push({ text: str, x, end: x + width });
    }
  }
  return cells.map(({ text, x }) => ({ text: text.replaceAll(/\s+/g, ' ').trim(), x }));
}
