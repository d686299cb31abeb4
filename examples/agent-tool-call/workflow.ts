import { block, defineWorkflow, fn, group, pass, supplied } from '../../src/index.js';

// #region workflow
const call = {
  type: 'object',
  required: ['id', 'tool', 'arguments'],
  properties: {
    id: { type: 'string' },
    tool: { type: 'string' },
    arguments: { type: 'object' },
  },
} as const;

/** What a customer has written. */
const request = block.task('request', {
  executor: supplied(),
  schema: { type: 'object', required: ['text'], properties: { text: { type: 'string' } } },
});

/** The call that the model proposes. */
const propose = block.task('propose', {
  needs: [request],
  executor: fn('propose_call'),
  schema: call,
});

// #region gate
/** The same call behind a gate: a look-up goes on by itself, whatever changes something waits. */
const approved = block
  .task('approved', { needs: [propose], executor: pass(), schema: call })
  .review({
    title: 'Tool call of an agent',
    instructions: 'Correct the arguments if they are wrong. Reject what should not be done at all.',
    when: ({ output }) => output.tool.ne('find_order'),
    approve: group('support-leads'),
    onReject: 'continue', // the run goes on, with null for the call
  });
// #endregion gate

/** What the tool answered. */
const execute = block.task('execute', { needs: [approved], executor: fn('execute_call') });

/** What the model tells the customer, now that it knows what was done. */
const reply = block.task('reply', {
  needs: [request, propose, approved, execute],
  executor: fn('write_reply'),
});

/** The workflow of this example: a model proposes a tool call, a person decides, the model hears what became of it. */
export default defineWorkflow({
  id: 'agent-tool-call',
  name: 'Tool call of an agent',
  blocks: [request, propose, approved, execute, reply],
});
// #endregion workflow
