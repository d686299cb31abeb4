import { allOf, block, defineWorkflow, fn, group } from '../../src/index.js';

// #region gate
const runSql = block
  .task('run_sql', {
    executor: fn('run_sql'),
    schema: {
      type: 'object',
      required: ['command', 'row_count', 'rows'],
      properties: {
        command: { type: 'string' },
        row_count: { type: 'integer' },
        rows: { type: 'array', items: { type: 'object' } },
      },
    },
  })
  .review({
    title: 'SQL on the shop',
    instructions: 'Read the statement. It runs as it stands here, once, and nothing takes it back.',
    placement: 'input', // before it runs
    approve: allOf(group('dba'), group('owners')), // of the same text
    corrections: 'entries', // whoever may approve may also write a better statement
    release: 'manual', // approved, it waits until its owner says when
  });
// #endregion gate

const report = block.task('report', { needs: [runSql], executor: fn('report_sql') });

/** The workflow of this example: a statement is approved by two groups, released, run once, and reported. */
export default defineWorkflow({
  id: 'command-approval',
  name: 'Command approval',
  blocks: [runSql, report],
});
