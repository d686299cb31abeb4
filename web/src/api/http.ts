import { ApiError, ConnectionError } from '../../../src/client/errors.js';
import { readAnswer } from '../../../src/client/read-answer.js';

export { ApiError, ConnectionError };

type QueryValue = string | number | null | undefined;

/** The query of a request; what is null, undefined or empty is left out. */
export type Query = Readonly<Record<string, QueryValue>>;

/** Proves to the server that a page of its own sent the request, which no form of another site can. */
const CSRF = { 'x-countersign-csrf': '1' } as const;
const TIMEOUT_MS = 30_000;

/** Reads something from the server this page came from. */
export async function get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
  return await exchange<T>('GET', path + queryString(query), undefined, signal);
}

/** Changes something; sent once, because only the caller knows whether it may be sent again. */
export async function send<T>(
  method: 'POST' | 'PUT' | 'DELETE',
  path: string,
  body?: object,
): Promise<T> {
  return await exchange<T>(method, path, body);
}

async function exchange<T>(
  method: string,
  path: string,
  body?: object,
  signal?: AbortSignal,
): Promise<T> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const response = await fetch(path, {
    method,
    headers: {
      accept: 'application/json',
      ...(method === 'GET' ? {} : CSRF),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    credentials: 'same-origin',
    signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw new ConnectionError(
      path,
      'The server does not answer. Check the connection; this page tries again by itself.',
      { cause: error },
    );
  });
  const { status, headers } = response;
  const text = await response.text();
  if (status === 204) {
    return undefined as T; // oxlint-disable-line typescript/no-unsafe-type-assertion -- no content
  }
  // What the server answers is believed to have the type that it documents.
  return readAnswer('the server', { status, headers, body: text }) as T; // oxlint-disable-line typescript/no-unsafe-type-assertion
}

/** A path made of fixed words and ids: `path` tags a template so that ids are encoded. */
export function path(words: TemplateStringsArray, ...ids: readonly string[]): string {
  return String.raw({ raw: words }, ...ids.map(encodeURIComponent));
}

function queryString(query: Query): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== '') {
      search.append(name, String(value));
    }
  }
  return search.size === 0 ? '' : `?${search.toString()}`;
}

/** What went wrong, in a sentence for people. */
export function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : 'Something went wrong; reload the page.';
}

/** Whether an error is an answer with this code. */
export function hasCode(error: unknown, code: string): error is ApiError {
  return error instanceof ApiError && error.code === code;
}
