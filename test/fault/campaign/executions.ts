import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { type Json, sha256 } from './json.js';

/** Where block functions keep their journal: a file outside of everything that is hurt. */
export const EXECUTIONS_VARIABLE = 'CAMPAIGN_EXECUTIONS';

const line = z.object({
  event: z.enum(['begun', 'answered']),
  name: z.string(),
  stepId: z.string(),
  attempt: z.int(),
  pid: z.int(),
  at: z.number(),
  /** What the block was given, as canonical text. */
  given: z.string(),
});

/** Something that a block function did. */
export type Execution = z.infer<typeof line>;

/** Writes one line, whole: processes append to the same file. */
export function noteExecution(file: string, entry: Execution): void {
  appendFileSync(file, `${JSON.stringify(entry)}\n`);
}

/** Everything that was executed, in order. */
export function readExecutions(file: string): readonly Execution[] {
  return existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter((text) => text !== '')
        .map((text) => line.parse(JSON.parse(text)))
    : [];
}

/** What a function answers: it follows from what it was given, so that a repeat answers the same. */
export function answerOf(name: string, stepId: string, given: string): Json {
  const mark = sha256(`${name} ${stepId} ${given}`);
  return name === 'make' || name === 'flaky'
    ? {
        zeta: mark.slice(0, 8),
        amount: Number.parseInt(mark.slice(0, 6), 16) % 1_000,
        '\u20ac': [0.1 + 0.2, 1e-7, null, '', '\u{1F9FE}'],
        from: stepId,
      }
    : { did: name, mark, for: stepId };
}
