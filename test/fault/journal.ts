import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { BlockInput } from '../../src/domain/definition.js';

/** Where block functions keep the journal, as the environment of their worker says. */
export const JOURNAL_VARIABLE = 'FAULT_JOURNAL';

const line = z.object({
  event: z.enum(['begun', 'answered']),
  stepId: z.string(),
  attempt: z.int(),
  pid: z.int(),
  /** What the block was given, as it arrived. */
  given: z.json(),
});

/** Something that a block function did, in whatever process. */
export type JournalLine = z.infer<typeof line>;

/** What block functions did, in the order in which they did it; it outlives every process. */
export type Journal = {
  readonly folder: string;
  /** Everything that was done for one step. */
  of(stepId: string): readonly JournalLine[];
  /** Lets an execution that holds go on. */
  letGo(stepId: string): void;
};

/** Opens the journal in a folder, and makes it if it is not there. */
export function openJournal(folder: string): Journal {
  mkdirSync(folder, { recursive: true });
  return {
    folder,
    of: (stepId) => {
      const file = linesFile(folder);
      const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
      return text
        .split('\n')
        .filter((each) => each !== '')
        .map((each) => line.parse(JSON.parse(each)))
        .filter((each) => each.stepId === stepId);
    },
    letGo: (stepId) => {
      writeFileSync(goFile(folder, stepId), '');
    },
  };
}

/** Writes one line, whole: the file is opened for appending, and processes may write at once. */
export function writeLine(
  folder: string,
  entry: Omit<JournalLine, 'given'> & { readonly given: BlockInput },
): void {
  appendFileSync(linesFile(folder), `${JSON.stringify(entry)}\n`);
}

/** Whether an execution that holds may go on. */
export function mayGo(folder: string, stepId: string): boolean {
  return existsSync(goFile(folder, stepId));
}

function linesFile(folder: string): string {
  return join(folder, 'lines.jsonl');
}

function goFile(folder: string, stepId: string): string {
  return join(folder, `${stepId}.go`);
}
