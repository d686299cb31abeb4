import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import type { Connect, Plugin } from 'vite';

/**
 * Serves the API of a running stack beside the pages, for work on them: `COUNTERSIGN_URL` says where it is.
 *
 * It signs in by a token: `/signin/link/<token>` takes the place of a one-time link, and the token stays in a cookie.
 */
export function devApi(): Plugin {
  const target = process.env['COUNTERSIGN_URL'] ?? 'http://127.0.0.1:8080';
  const serve: Connect.NextHandleFunction = (request, response, next) => {
    if (request.url?.startsWith('/v1/') !== true) {
      // As the server sends it with every page, so that nothing is built that it forbids.
      response.setHeader('content-security-policy', POLICY);
      next();
      return;
    }
    answer(target, request, response).catch((error: unknown) => {
      response.statusCode = 503;
      response.end(String(error));
    });
  };
  return {
    name: 'countersign-dev-api',
    configurePreviewServer: ({ middlewares }) => {
      middlewares.use(serve);
    },
    configureServer: ({ middlewares }) => {
      middlewares.use((request, response, next) => {
        if (request.url?.startsWith('/v1/') === true) {
          serve(request, response, next);
        } else {
          next();
        }
      });
    },
  };
}

const POLICY = [
  "default-src 'self'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "frame-src 'self' blob:",
  "connect-src 'self'",
  "object-src 'none'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'self'",
].join('; ');

const COOKIE = 'countersign_dev_token';

async function answer(
  target: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = 'GET', url = '/' } = request;
  const token = cookieOf(request);
  if (method !== 'GET' && request.headers['x-countersign-csrf'] !== '1') {
    send(response, 403, {
      detail: { code: 'forbidden', message: 'x-countersign-csrf is missing.' },
    });
    return;
  }
  const link = /^\/v1\/session\/links\/([^/?]+)$/.exec(url)?.[1];
  if (link !== undefined) {
    const person = await personOf(target, link);
    if (person === null) {
      send(response, 404, { detail: { code: 'not_found', message: 'There is no such link.' } });
    } else if (method === 'GET') {
      send(response, 200, { person, expires_at: new Date(Date.now() + 900_000).toISOString() });
    } else {
      setCookie(response, link);
      response.writeHead(204).end();
    }
    return;
  }
  if (url === '/v1/session' && method === 'DELETE') {
    setCookie(response, '');
    response.writeHead(204).end();
    return;
  }
  if (url === '/v1/session') {
    send(response, 200, {
      person: token === null ? null : await personOf(target, token),
      sign_in: { oidc: null, links: true },
      temporal_ui_url: null,
      version: '0.1.0',
    });
    return;
  }
  await forward(target, request, response, token);
}

async function forward(
  target: string,
  request: IncomingMessage,
  response: ServerResponse,
  token: string | null,
): Promise<void> {
  const { method = 'GET', url = '/', headers } = request;
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) {
    if (chunk instanceof Uint8Array) {
      chunks.push(chunk);
    }
  }
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const reply = await fetch(target + url, {
    method,
    headers: {
      accept: headers.accept ?? '*/*',
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(chunks.length === 0 ? {} : { 'content-type': 'application/json' }),
    },
    signal: gone.signal,
    ...(chunks.length === 0 ? {} : { body: Buffer.concat(chunks) }),
  });
  response.writeHead(reply.status, {
    'content-type': reply.headers.get('content-type') ?? 'application/json',
    'cache-control': 'no-store',
  });
  response.flushHeaders();
  if (reply.body !== null) {
    const body = Readable.fromWeb(reply.body as ReadableStream); // oxlint-disable-line typescript/no-unsafe-type-assertion -- fetch's own stream type
    body.once('error', () => response.destroy());
    body.pipe(response);
    await once(response, 'close');
  }
}

async function personOf(target: string, token: string): Promise<unknown> {
  const reply = await fetch(`${target}/v1/me`, { headers: { authorization: `Bearer ${token}` } });
  return reply.ok ? await reply.json() : null;
}

function cookieOf(request: IncomingMessage): string | null {
  const found = new RegExp(`${COOKIE}=([^;]+)`).exec(request.headers.cookie ?? '');
  return found?.[1] ?? null;
}

function setCookie(response: ServerResponse, value: string): void {
  response.setHeader('set-cookie', `${COOKIE}=${value}; Path=/; HttpOnly; SameSite=Lax`);
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
