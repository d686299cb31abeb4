import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { z } from 'zod';

/** Where the stand-in listens by default, and where the model is looked for if `OPENAI_BASE_URL` says nothing else. */
export const DEFAULT_BASE_URL = 'http://127.0.0.1:8377/v1';

const body = z.looseObject({
  model: z.string(),
  messages: z.array(z.looseObject({ role: z.string(), content: z.string().nullable() })).min(1),
});

/** A request that the stand-in was sent. */
export type Asked = {
  readonly authorization: string | undefined;
  readonly body: z.infer<typeof body>;
};

/** A stand-in for a model: it answers over HTTP from the files of `answers/`. */
export type ScriptedModel = {
  readonly baseUrl: string;
  /** Everything it was asked, in order. */
  readonly asked: readonly Asked[];
  stop(): Promise<void>;
};

/** Starts one. Port 0 takes a free port. */
export async function startScriptedModel(
  port = Number(new URL(DEFAULT_BASE_URL).port),
): Promise<ScriptedModel> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    void answerTo(request, asked).then(({ status, json }) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(json),
    );
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;
  return {
    baseUrl: `http://127.0.0.1:${bound}/v1`,
    asked,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function answerTo(
  request: IncomingMessage,
  asked: Asked[],
): Promise<{ readonly status: number; readonly json: string }> {
  const json: unknown = JSON.parse(await text(request).catch(() => 'null'));
  const parsed = body.safeParse(json);
  if (request.url !== '/v1/chat/completions' || !parsed.success) {
    return { status: 400, json: '{"error":{"message":"expected a chat completion"}}' };
  }
  asked.push({ authorization: request.headers.authorization, body: parsed.data });
  const last = parsed.data.messages.at(-1);
  const file =
    last?.role === 'tool'
      ? last.content?.includes('"refused"') === true
        ? 'after-refusal.json'
        : 'after-refund.json'
      : 'proposal.json';
  return {
    status: 200,
    json: await readFile(new URL(`answers/${file}`, import.meta.url), 'utf8'),
  };
}
