import { defineBlocks } from '../../src/index.js';
import { statementOf, runStatement } from './run-statement.js';
import { shopUrl } from './shop.js';
import workflow from './workflow.js';

export default defineBlocks(workflow, {
  /** Runs the statement that was approved. It is never called twice for one step. */
  run_sql: async ({ input }, { stepId }) =>
    await runStatement(shopUrl(process.env), statementOf(input), stepId),

  /** Says in a sentence what became of it. */
  report_sql: ({ blocks }) => {
    const { command, row_count: rows } = blocks.run_sql;
    return { text: `${command}: ${rows} ${rows === 1 ? 'row' : 'rows'}` };
  },
});
