import { setTimeout as delay } from 'node:timers/promises';
import { type BlockContext, type BlockFunction, defineBlocks } from '../../../src/blocks.js';
import { answerOf, EXECUTIONS_VARIABLE, noteExecution } from './executions.js';
import { canonical, sha256 } from './json.js';

const file = process.env[EXECUTIONS_VARIABLE] ?? '';

/** A function that notes when it begins and when it answers, and takes between `least` and `most` milliseconds. */
function noting(
  name: string,
  [least, most]: readonly [number, number],
  fails: (context: BlockContext) => boolean = () => false,
): BlockFunction {
  return async (args, context) => {
    const given = canonical({ ...args });
    const { stepId, attempt } = context;
    const entry = { name, stepId, attempt, pid: process.pid, given };
    noteExecution(file, { ...entry, event: 'begun', at: Date.now() });
    const share = Number.parseInt(sha256(stepId).slice(0, 4), 16) / 0xff_ff;
    await delay(least + share * (most - least));
    if (fails(context)) {
      throw new Error(`${name} fails, as it was told to`);
    }
    noteExecution(file, { ...entry, event: 'answered', at: Date.now() });
    return answerOf(name, stepId, given);
  };
}

export default defineBlocks({
  make: noting('make', [0, 50]),
  act: noting('act', [0, 400]),
  slow: noting('slow', [1_000, 4_000]),
  flaky: noting('flaky', [0, 100], ({ attempt }) => attempt === 1),
  fail: noting('fail', [0, 100], () => true),
});
