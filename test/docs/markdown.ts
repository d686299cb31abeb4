import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the project. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A document of ours, by its path from the folder of the project. */
export type Document = { readonly path: string; readonly text: string };

/** A fenced block of a document. */
export type CodeBlock = {
  readonly language: string;
  readonly code: string;
  /** The line of its first fence, counted from 1. */
  readonly line: number;
};

const FOLDERS = [
  '',
  'docs',
  'examples/invoice-intake',
  'examples/command-approval',
  'examples/document-split',
  'examples/agent-tool-call',
  'examples/own-workflow',
];

/** Every document that people read: those of the root, of `docs`, and of the examples. */
export function documents(): readonly Document[] {
  return FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => document(join(folder, name))),
  );
}

/** Reads one document. */
export function document(path: string): Document {
  const file = join(ROOT, path);
  return { path: relative(ROOT, file), text: readFileSync(file, 'utf8') };
}

/** The fenced blocks of a text, in order. */
export function codeBlocks(text: string): readonly CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let open: { language: string; line: number; lines: string[] } | null = null;
  for (const [index, line] of text.split('\n').entries()) {
    const fence = /^```(\S*)/.exec(line);
    if (open === null && fence !== null) {
      open = { language: fence[1] ?? '', line: index + 1, lines: [] };
    } else if (open !== null && fence !== null) {
      blocks.push({ language: open.language, line: open.line, code: open.lines.join('\n') });
      open = null;
    } else {
      open?.lines.push(line);
    }
  }
  return blocks;
}

/** A text without its fenced blocks; lines keep their numbers. */
export function prose(text: string): string {
  let isFenced = false;
  const lines = text.split('\n').map((line) => {
    const isFence = line.startsWith('```');
    isFenced = isFenced !== isFence;
    return isFenced || isFence ? '' : line;
  });
  return lines.join('\n');
}

/** The part of a text under a heading, up to the next one of the same depth. */
export function section(text: string, heading: string): string {
  const lines = text.split('\n');
  const start = lines.indexOf(heading);
  if (start === -1) {
    throw new Error(`there is no heading '${heading}'`);
  }
  const depth = heading.indexOf(' ');
  const rest = lines.slice(start + 1);
  let isFenced = false;
  const end = rest.findIndex((line) => {
    isFenced = isFenced !== line.startsWith('```');
    const level = /^(#+) /.exec(line)?.[1]?.length ?? 0;
    return !isFenced && level > 0 && level <= depth;
  });
  return rest.slice(0, end === -1 ? undefined : end).join('\n');
}

/** The first cells of the rows of every table in a text whose first heading is `head`. */
export function firstCells(text: string, head: string): readonly string[] {
  const cells: string[] = [];
  let isInside = false;
  for (const line of prose(text).split('\n')) {
    const cell = /^\| *(.*?) *\|/.exec(line)?.[1];
    if (cell === undefined) {
      isInside = false;
    } else if (cell === head) {
      isInside = true;
    } else if (isInside && !/^:?-+:?$/.test(cell)) {
      cells.push(cell);
    }
  }
  return cells;
}
