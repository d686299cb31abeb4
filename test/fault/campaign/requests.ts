import { appendFileSync } from 'node:fs';
import type { Json } from './json.js';
import type { Member } from './topology.js';

/** How long any request may take, whatever is broken, counted without the time in which its API was not running. */
export const LONGEST_REQUEST_MS = 30_000;

/** What a request was for, as far as the checker has to know. */
export type Purpose =
  | {
      readonly kind: 'vote';
      readonly reviewId: string;
      readonly by: string;
      readonly verdict: 'approved' | 'rejected' | 'revoked';
      readonly versionId: string;
      readonly force: boolean;
    }
  | {
      readonly kind: 'correction';
      readonly reviewId: string;
      readonly by: string;
      readonly snapshot: Json;
    }
  /** Somebody takes their own approval back, or gives an entry to somebody else. */
  | {
      readonly kind: 'withdrawn' | 'reassigned';
      readonly reviewId: string;
      readonly by: string;
    }
  | { readonly kind: 'release'; readonly reviewId: string; readonly by: string }
  | { readonly kind: 'cancel'; readonly runId: string; readonly by: string }
  | { readonly kind: 'start'; readonly commandId: string; readonly by: string }
  | { readonly kind: 'probe' | 'read' };

/**
 * What an answer means for the store.
 *
 * `recorded`: this very request recorded something. `done`: it holds, by this request or an earlier one.
 * `refused`: nothing was recorded. `perhaps`: no answer, or one that does not tell.
 */
export type Meaning = 'recorded' | 'done' | 'refused' | 'perhaps';

/** A request and what was answered. */
export type Exchange = {
  readonly purpose: Purpose;
  readonly dialect: string;
  readonly api: string;
  readonly at: number;
  readonly answeredAt: number;
  /** Null when no answer came. */
  readonly status: number | null;
  readonly body: unknown;
  readonly meaning: Meaning;
  /** Why no answer came: the caller hung up, or the connection failed. */
  readonly failure: 'hung up' | 'too late' | 'connection' | null;
};

/** A request as a client sends it. */
export type Request = {
  readonly purpose: Purpose;
  readonly dialect: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Json;
  /** What an answer of success means; everything else is told by its status. */
  readonly readSuccess?: (body: unknown) => Meaning;
  /** The caller hangs up after so long, as impatient clients do; default: much later than any answer may come. */
  readonly patienceMs?: number;
};

const MUCH_LATER_MS = 60_000;

/** Sends requests to APIs and keeps a journal of every answer, in memory and beside the servers. */
export class Clients {
  readonly exchanges: Exchange[] = [];
  readonly #apis: readonly Member[];
  readonly #journalFile: string;

  constructor(apis: readonly Member[], journalFile: string) {
    this.#apis = apis;
    this.#journalFile = journalFile;
  }

  get apis(): readonly Member[] {
    return this.#apis;
  }

  /** Sends one request once; it never throws. */
  async send(api: Member, request: Request): Promise<Exchange> {
    const { purpose, dialect, method, path, headers, body, readSuccess } = request;
    const isImpatient = request.patienceMs !== undefined;
    const at = Date.now();
    const about = { purpose, dialect, api: api.part, at };
    let exchange: Exchange;
    try {
      const response = await fetch(api.url + path, {
        method,
        headers: {
          ...headers,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(request.patienceMs ?? MUCH_LATER_MS),
      });
      const answer = parsed(await response.text());
      const { status } = response;
      exchange = {
        ...about,
        answeredAt: Date.now(),
        status,
        body: answer,
        meaning: meaningOf(status, () => readSuccess?.(answer) ?? 'done'),
        failure: null,
      };
    } catch (error) {
      const isTimeout = error instanceof Error && error.name === 'TimeoutError';
      exchange = {
        ...about,
        answeredAt: Date.now(),
        status: null,
        body: null,
        meaning: 'perhaps',
        failure: isTimeout ? (isImpatient ? 'hung up' : 'too late') : 'connection',
      };
    }
    this.exchanges.push(exchange);
    if (purpose.kind !== 'read' && purpose.kind !== 'probe') {
      appendFileSync(this.#journalFile, `${JSON.stringify(exchange)}\n`);
    }
    return exchange;
  }
}

function meaningOf(status: number, readSuccess: () => Meaning): Meaning {
  if (status < 300) {
    return readSuccess();
  }
  return status < 500 ? 'refused' : 'perhaps';
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** How long a request took, the time in which its API was away not counted. */
export function waitedMs({ at, answeredAt }: Exchange, { absences }: Member): number {
  const away = absences.reduce((sum, { from, to }) => {
    const overlap = Math.min(to ?? answeredAt, answeredAt) - Math.max(from, at);
    return sum + Math.max(0, overlap);
  }, 0);
  return answeredAt - at - away;
}
