import type { Json, JsonObject } from '../../src/domain/json.js';
import type { Message } from './model.js';

/** A call of a tool, as the workflow hands it on. */
export type Call = {
  readonly id: string;
  readonly tool: string;
  readonly arguments: JsonObject;
};

/** The conversation up to the model's proposal. */
export function question(text: string): readonly Message[] {
  return [
    {
      role: 'system',
      content:
        'You help the customers of a shop. Propose one call of a tool; a person may change or refuse it. ' +
        'Afterwards answer the customer in two sentences, and promise nothing that was not done.',
    },
    { role: 'user', content: text },
  ];
}

/** The conversation after it: what was proposed, and what became of that. */
export function outcome(
  text: string,
  proposed: Call,
  approved: Call | null,
  result: Json,
): readonly Message[] {
  return [
    ...question(text),
    {
      role: 'assistant',
      content: null,
      tool_calls: [
        {
          id: proposed.id,
          type: 'function',
          function: { name: proposed.tool, arguments: JSON.stringify(proposed.arguments) },
        },
      ],
    },
    {
      role: 'tool',
      tool_call_id: proposed.id,
      content: JSON.stringify(
        approved === null
          ? { refused: 'A person refused this call. Nothing was done.' }
          : { called: { tool: approved.tool, arguments: approved.arguments }, result },
      ),
    },
  ];
}
