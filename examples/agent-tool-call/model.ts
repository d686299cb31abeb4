import { z } from 'zod';
import { DEFAULT_BASE_URL } from './scripted-model.js';

/** A tool call as the API has it: its arguments are JSON in a string. */
type ApiCall = {
  readonly id: string;
  readonly type: 'function';
  readonly function: { readonly name: string; readonly arguments: string };
};

/** One message of a conversation. */
export type Message =
  | { readonly role: 'system' | 'user'; readonly content: string }
  | { readonly role: 'assistant'; readonly content: null; readonly tool_calls: readonly ApiCall[] }
  | { readonly role: 'tool'; readonly tool_call_id: string; readonly content: string };

/** A tool that the model may propose to call. */
export type ToolDescription = {
  readonly name: string;
  readonly description: string;
  readonly parameters: object;
};

const answer = z.object({
  choices: z.tuple(
    [
      z.object({
        message: z.object({
          content: z.string().nullish(),
          tool_calls: z
            .array(
              z.object({
                id: z.string(),
                function: z.object({ name: z.string(), arguments: z.string() }),
              }),
            )
            .optional(),
        }),
      }),
    ],
    z.unknown(),
  ),
});

/** What the model said last. */
export type Said = z.infer<typeof answer>['choices'][0]['message'];

/**
 * Asks the model behind `OPENAI_BASE_URL` for the next message of a conversation.
 *
 * Any server with OpenAI's `POST /chat/completions` will do. What is no success is an error, and the block is tried again.
 */
export async function complete(
  messages: readonly Message[],
  tools: readonly ToolDescription[],
  signal: AbortSignal,
): Promise<Said> {
  const { env } = process;
  const response = await fetch(`${env['OPENAI_BASE_URL'] ?? DEFAULT_BASE_URL}/chat/completions`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${env['OPENAI_API_KEY'] ?? 'none'}`,
    },
    body: JSON.stringify({
      model: env['OPENAI_MODEL'] ?? 'scripted',
      messages,
      ...(tools.length === 0
        ? {}
        : {
            tools: tools.map((tool) => ({ type: 'function', function: tool })),
            parallel_tool_calls: false,
          }),
    }),
    signal,
  });
  if (!response.ok) {
    throw new Error(`the model's server answered ${response.status}: ${await response.text()}`);
  }
  return answer.parse(await response.json()).choices[0].message;
}
