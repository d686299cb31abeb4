import { defineBlocks } from '../../src/index.js';
import { isJsonObject, type JsonObject } from '../../src/domain/json.js';
import { outcome, question } from './conversation.js';
import { complete } from './model.js';
import { runTool, TOOLS } from './tools.js';
import workflow from './workflow.js';

// #region functions
export default defineBlocks(workflow, {
  /** Asks the model for one call of a tool. Nothing is called here. */
  propose_call: async ({ blocks }, { signal }) => {
    const { content, tool_calls: calls } = await complete(
      question(blocks.request.text),
      TOOLS,
      signal,
    );
    const [call] = calls ?? [];
    if (call === undefined) {
      throw new Error(`the model proposed no call; it said: ${content ?? 'nothing'}`);
    }
    const { name, arguments: text } = call.function;
    return { id: call.id, tool: name, arguments: argumentsOf(text) };
  },

  /** Calls the tool as people approved it, and nothing if they refused. */
  execute_call: async ({ blocks: { approved } }, { stepId }) =>
    approved === null ? null : await runTool(approved.tool, approved.arguments, stepId),

  /** Tells the model what was done, and gives its answer. */
  write_reply: async ({ blocks }, { signal }) => {
    const { request, propose, approved, execute } = blocks;
    const { content } = await complete(
      outcome(request.text, propose, approved, execute),
      [],
      signal,
    );
    return { text: content ?? '' };
  },
});
// #endregion functions

/** The arguments of a proposed call, which the API has as JSON in a string. */
function argumentsOf(text: string): JsonObject {
  const value: unknown = JSON.parse(text);
  if (!isJsonObject(value)) {
    throw new Error(`the model proposed arguments that are no object: ${text}`);
  }
  return value;
}
