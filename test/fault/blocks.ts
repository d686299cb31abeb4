import { setTimeout as delay } from 'node:timers/promises';
import { type BlockFunction, defineBlocks } from '../../src/blocks.js';
import { JOURNAL_VARIABLE, mayGo, writeLine } from './journal.js';

const folder = process.env[JOURNAL_VARIABLE] ?? '';

/** Does its work at once. */
const book: BlockFunction = (given, { stepId, attempt }) => {
  const entry = { stepId, attempt, pid: process.pid, given };
  writeLine(folder, { event: 'begun', ...entry });
  return { booked: true };
};

/** Is in the middle of its work until a test lets it go. */
const hold: BlockFunction = async (given, { stepId, attempt, signal }) => {
  const entry = { stepId, attempt, pid: process.pid, given };
  writeLine(folder, { event: 'begun', ...entry });
  while (!mayGo(folder, stepId)) {
    await delay(20, undefined, { signal });
  }
  writeLine(folder, { event: 'answered', ...entry });
  return { held: true };
};

export default defineBlocks({ book, hold });
