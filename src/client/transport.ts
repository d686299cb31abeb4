import { connectionError, timeoutError } from './connection-error.js';
import { pause } from './pause.js';
import { readAnswer, type Received } from './read-answer.js';
import { retryDelayMs } from './retry.js';
import { serverUrl } from './server-url.js';

/** What a query parameter may be; one that is undefined or null is left out, a list is repeated. */
export type QueryValue = string | number | boolean | readonly string[] | null | undefined;

/** The query of a request. */
export type Query = Readonly<Record<string, QueryValue>>;

/** What a client is made from. */
export type ClientOptions = {
  /** Where the server is: `http://127.0.0.1:8080`. */
  readonly url: string;
  /** A person's or a service's token. */
  readonly token: string;
  /** Another `fetch`, for instance with a proxy; by default the platform's. */
  readonly fetch?: typeof globalThis.fetch;
  /** How long one answer may take; by default 30 seconds. */
  readonly timeoutMs?: number;
};

/** Sends requests to one server with one credential. */
export type Transport = {
  /** Reads something; sent again a few times when the server asks for that (429, 503). */
  get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T>;
  /** Changes something; sent once. */
  send<T>(
    method: 'POST' | 'PUT' | 'DELETE',
    path: string,
    body?: object,
    query?: Query,
  ): Promise<T>;
};

type Request = {
  readonly method: string;
  readonly path: string;
  readonly query?: Query | undefined;
  readonly body?: object | undefined;
  readonly signal?: AbortSignal | undefined;
};

const DEFAULT_TIMEOUT_MS = 30_000;

/**
 * Opens a transport; nothing is sent yet.
 *
 * @throws TypeError when the URL or the token cannot be used at all
 */
export function createTransport(options: ClientOptions): Transport {
  const server = serverUrl(options.url);
  const { token, timeoutMs = DEFAULT_TIMEOUT_MS, fetch = globalThis.fetch } = options;
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new TypeError('The token must be one word of plain ASCII, as it was shown when made.');
  }

  async function exchange({ method, path, query, body, signal }: Request): Promise<Received> {
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      const response = await fetch(`${server}${path}${queryString(query ?? {})}`, {
        method,
        headers: {
          accept: 'application/json',
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        // A followed redirect would turn a POST into a GET.
        redirect: 'manual',
        signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const { status, headers } = response;
      return { status, headers, body: await response.text() };
    } catch (error) {
      signal?.throwIfAborted();
      throw timeout.aborted
        ? timeoutError(server, timeoutMs, error)
        : connectionError(server, error);
    }
  }

  return {
    get: async <T>(path: string, query?: Query, signal?: AbortSignal) => {
      for (let retries = 0; ; retries += 1) {
        const received = await exchange({ method: 'GET', path, query, signal });
        const { status, headers } = received;
        const delayMs = retryDelayMs({ status, retryAfter: headers.get('retry-after') }, retries);
        if (delayMs === null) {
          return believed<T>(readAnswer(server, received));
        }
        await pause(delayMs, signal);
      }
    },
    send: async <T>(method: string, path: string, body?: object, query?: Query) =>
      believed<T>(readAnswer(server, await exchange({ method, path, query, body }))),
  };
}

/** What the server answers is believed to have the type that it documents. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters
function believed<T>(body: unknown): T {
  return body as T; // oxlint-disable-line typescript/no-unsafe-type-assertion
}

/** A path made of fixed words and ids: `path` tags a template so that ids are encoded. */
export function path(words: TemplateStringsArray, ...ids: readonly string[]): string {
  return String.raw({ raw: words }, ...ids.map(encodeURIComponent));
}

function queryString(query: Query): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null) {
        search.append(name, String(one));
      }
    }
  }
  return search.size === 0 ? '' : `?${search.toString()}`;
}
