import { once } from 'node:events';
import { createServer } from 'node:http';
import { pino } from 'pino';
import { expect } from 'vitest';
import { type AppDeps, createApp } from '../../src/api/app.js';
import { type ChangeHub, createChangeHub } from '../../src/api/change-hub.js';
import { createReadiness } from '../../src/api/readiness.js';
import { pathPattern } from '../../src/api/path-pattern.js';
import { RunTurns } from '../../src/api/run-turns.js';
import { ROUTES, type ServedRoute } from '../../src/api/routes.js';
import type { Finding } from '../../src/delivery/doctor.js';
import type { Role, Scope } from '../../src/domain/people.js';
import { SYSTEM } from '../../src/store/actors.js';
import { followChanges } from '../../src/store/change-feed.js';
import { type Db, openDatabase } from '../../src/store/database.js';
import { type LeasedMessage, postponeMessage, settleMessage } from '../../src/store/outbox.js';
import type { Limits } from '../../src/store/limits.js';
import { putPerson } from '../../src/store/people.js';
import type { ReviewRow } from '../../src/store/tables.js';
import { createToken } from '../../src/store/tokens.js';
import type { QueueLimits } from '../../src/store/turns.js';
import { createTestDatabase, type TestDatabase } from './database.js';
import { createProgress, type Fired, type Progress } from './progress.js';

/** What a forward does to the messages it is given, as far as the store can see. */
type Delivery = 'delivers' | 'finds Temporal away' | 'finds no workflow' | 'throws';

/** Somebody with a token. */
export type Caller = { readonly id: string; readonly token: string };

/** An answer, its body parsed. */
export type Reply = {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
};

export type Sending = {
  readonly as?: Caller | null;
  readonly body?: unknown;
  /** Sent as it is, in place of `body`. */
  readonly raw?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
};

/** The API on a database of its own, with people, and with everything forwarded on record. */
export type TestApi = {
  readonly url: string;
  readonly db: Db;
  readonly database: TestDatabase;
  readonly progress: Progress;
  /** The messages handed to `forward`, in order. */
  readonly forwarded: readonly LeasedMessage[];
  /** The same as they were read to be sent. */
  readonly told: readonly LeasedMessage[];
  readonly log: () => readonly string[];
  delivery: Delivery;
  /** Done before messages are delivered: after the commit that owed them. */
  onForward: (() => Promise<void>) | null;
  temporal: { reachable: boolean | null; since: string | null };
  readonly changes: ChangeHub;
  /** What the doctor has to say. */
  findings: readonly Finding[];
  /** The admin, who has the admin and the reviewer role and no groups. */
  readonly admin: Caller;
  person(
    id: string,
    about?: { groups?: readonly string[]; roles?: readonly Role[] },
  ): Promise<Caller>;
  service(id: string, ...scopes: readonly Scope[]): Promise<Caller>;
  get(path: string, sending?: Sending): Promise<Reply>;
  post(path: string, sending?: Sending): Promise<Reply>;
  send(method: string, path: string, sending?: Sending): Promise<Reply>;
  /** Declares a workflow of one gated block and runs it until its review is open. */
  openReview(about?: OpenReview): Promise<OpenedReview>;
  stop(): Promise<void>;
};

export type OpenReview = {
  readonly owner?: Caller;
  readonly workflowId?: string;
  readonly block?: Readonly<Record<string, unknown>>;
  readonly review?: Readonly<Record<string, unknown>>;
  readonly snapshot?: unknown;
  readonly fired?: Partial<Fired>;
};

export type OpenedReview = {
  readonly id: string;
  readonly runId: string;
  readonly stepId: string;
  readonly seedId: string;
  readonly row: ReviewRow;
  readonly path: string;
};

const REVIEWER: readonly Role[] = ['reviewer'];

/** Starts the API with the admin; callers are as this person unless a request says otherwise. */
export async function startApi({
  limits,
  queue,
  ...settings
}: Partial<Pick<AppDeps, 'voteAsMaxAgeMs' | 'publicUrl' | 'webFolder' | 'oidc'>> & {
  readonly limits?: Limits;
  readonly queue?: QueueLimits;
} = {}): Promise<TestApi> {
  const database = await createTestDatabase(limits);
  const { db } = database;
  const forwarded: LeasedMessage[] = [];
  const told: LeasedMessage[] = [];
  const lines: string[] = [];
  const changes = createChangeHub((tell) => followChanges(db, tell));
  const logger = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });
  const probe = openDatabase(database.url, { maxConnections: 1 });
  const app = createApp({
    publicUrl: null,
    webFolder: null,
    oidc: null,
    ...settings,
    db,
    reads: database.reads,
    turns: new RunTurns(database.reads, queue),
    forward: async (leases) => {
      forwarded.push(...leases);
      await api.onForward?.();
      return await deliver(db, leases, api.delivery, told);
    },
    forwardLeaseMs: 5_000,
    temporalState: () => api.temporal,
    readiness: createReadiness({ db, probe: probe.db }, logger),
    changes,
    logger,
    diagnose: async () => ({ findings: api.findings, isComplete: true }),
    version: '0.0.0-test',
    temporalUiUrl: 'http://localhost:8233/',
    temporalUrlOf: (workflowId) => `http://localhost:8233/of/${workflowId}`,
  });
  const server = createServer(app);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;

  const person: TestApi['person'] = async (id, about = {}) => {
    const { groups = [], roles = REVIEWER } = about;
    const name = `Name of ${id}`;
    await putPerson(db, SYSTEM, {
      id,
      name,
      email: `${id}@example.com`,
      slackId: '',
      groups,
      roles,
    });
    return { id, token: (await createToken(db, SYSTEM, { personId: id })).secret };
  };
  const admin = await person('u_admin', { roles: ['reviewer', 'admin'] });
  const progress = createProgress(db);

  const send: TestApi['send'] = async (method, path, sending = {}) => {
    const caller = sending.as === undefined ? admin : sending.as;
    const hasBody = sending.raw !== undefined || sending.body !== undefined;
    const response = await fetch(url + path, {
      method,
      headers: {
        ...(caller === null ? {} : { authorization: `Bearer ${caller.token}` }),
        ...(hasBody ? { 'content-type': 'application/json' } : {}),
        ...sending.headers,
      },
      ...(hasBody ? { body: sending.raw ?? JSON.stringify(sending.body) } : {}),
    });
    const text = isEndless(response) ? await firstOf(response) : await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
    const body: unknown = isJson && text !== '' ? JSON.parse(text) : text;
    expectDeclared(method, path, response.status, body);
    return { status: response.status, headers: response.headers, body };
  };

  let count = 0;
  const api: TestApi = {
    url,
    db,
    database,
    progress,
    forwarded,
    told,
    admin,
    person,
    send,
    log: () => lines,
    delivery: 'delivers',
    onForward: null,
    temporal: { reachable: true, since: null },
    changes,
    findings: [],
    service: async (id, ...scopes) => ({
      id,
      token: (await createToken(db, SYSTEM, { service: id, scopes })).secret,
    }),
    get: (path, sending) => send('GET', path, sending),
    post: (path, sending) => send('POST', path, sending),
    openReview: async (about = {}) => {
      count += 1;
      const workflowId = about.workflowId ?? `wf_${count}`;
      const declared = { id: 'extract_invoice', type: 'extract', executor: { kind: 'supplied' } };
      const block = {
        ...declared,
        ...about.block,
        review: about.review ?? {},
      };
      const put = await send('PUT', `/v1/workflows/${workflowId}`, { body: { blocks: [block] } });
      expect(put.status, JSON.stringify(put.body)).toBe(200);
      const snapshot = about.snapshot ?? { total_amount: null, vendor_name: 'Acme Corp' };
      const started = await send('POST', '/v1/workflows/runs', {
        as: about.owner ?? admin,
        body: { workflow_id: workflowId, json_inputs: { [block.id]: snapshot } },
      });
      expect(started.status, JSON.stringify(started.body)).toBe(202);
      const runId = textAt(started.body, 'id');
      await progress.begin(runId);
      const row = await progress.openReview(runId, block.id, about.fired);
      return {
        id: row.id,
        runId,
        stepId: row.stepId,
        seedId: row.newestVersionId,
        row,
        path: `/v1/workflows/reviews/${row.id}`,
      };
    },
    stop: async () => {
      await changes.end();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
      await probe.close();
      await database.drop();
    },
  };
  return api;
}

function isEndless(response: Response): boolean {
  return response.headers.get('content-type')?.startsWith('text/event-stream') === true;
}

/** What a stream begins with; then it is left. */
async function firstOf(response: Response): Promise<string> {
  const chunks: AsyncIterable<Uint8Array> | readonly Uint8Array[] = response.body ?? [];
  for await (const chunk of chunks) {
    return new TextDecoder().decode(chunk);
  }
  return '';
}

/** What a parsed body has at a path; undefined where there is nothing. */
export function valueAt(body: unknown, ...path: readonly (string | number)[]): unknown {
  let value = body;
  for (const key of path) {
    value = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
  }
  return value;
}

/** The text that a parsed body has at a path. */
export function textAt(body: unknown, ...path: readonly (string | number)[]): string {
  const value = valueAt(body, ...path);
  if (typeof value !== 'string') {
    throw new Error(`there is no text at ${path.join('.')} of ${JSON.stringify(body)}`);
  }
  return value;
}

/** The texts that the rows of a list have at a path, in order. */
export function textsAt(body: unknown, ...path: readonly (string | number)[]): readonly string[] {
  const rows = valueAt(body, 'data');
  return Array.isArray(rows) ? rows.map((row: unknown) => textAt(row, ...path)) : [];
}

/** Does what the real sender would have done to these messages, without Temporal. */
async function deliver(
  db: Db,
  messages: readonly LeasedMessage[],
  delivery: Delivery,
  told: LeasedMessage[],
): Promise<ReadonlySet<string>> {
  const taken = new Set<string>();
  for (const message of messages) {
    told.push(message);
    switch (delivery) {
      case 'delivers':
        if (!(await settleMessage(db, message, 'delivered'))) {
          throw new Error(`nothing is leased under ${message.id}`);
        }
        taken.add(message.id);
        break;
      case 'finds Temporal away':
        await postponeMessage(db, message, 60_000, 'Temporal does not answer');
        break;
      case 'finds no workflow':
        await settleMessage(db, message, 'failed', 'workflow not found');
        break;
      case 'throws':
        throw new Error('forward broke its promise');
    }
  }
  return taken;
}

/** Fails when a success has a body that its route does not declare, to the last key. */
function expectDeclared(method: string, path: string, status: number, body: unknown): void {
  const route = routeOf(method, path);
  if (route === undefined || method === 'HEAD') {
    return;
  }
  const schema = new Map(Object.entries(route.responses)).get(String(status));
  if (schema !== undefined) {
    expect(schema.parse(body), `${route.id} declares its answer`).toEqual(body);
  } else if (status < 400) {
    throw new Error(`${route.id} does not declare an answer with status ${status}`);
  }
}

/** The route that serves a request, as the router finds it. */
function routeOf(method: string, path: string): ServedRoute | undefined {
  const [pathname = '', query = ''] = path.split('?');
  const first = ROUTES.find((route) => pathPattern(route.path).test(pathname));
  const ofPath = ROUTES.filter(
    (route) => route.path === first?.path && route.method === method.toLowerCase(),
  );
  return (
    ofPath.find(({ servesQuery }) => servesQuery?.(new URLSearchParams(query))) ??
    ofPath.find(({ servesQuery }) => servesQuery === null)
  );
}

/** The part of a reply that a test compares whole. */
export function said({ status, body }: Reply): { readonly status: number; readonly body: unknown } {
  return { status, body };
}

/** What a refused request is answered in the form of the Retab contract. */
export function domainError(
  status: number,
  code: string,
  message: string,
  details: Readonly<Record<string, unknown>> = {},
): { readonly status: number; readonly body: unknown } {
  return { status, body: { detail: { code, message, details } } };
}

/** One thing wrong with a request, as an answer shows it. */
export type ShownProblem = {
  readonly loc: readonly (string | number)[];
  readonly msg: string;
  readonly type: string;
};

/** What a malformed request is answered in the form of the Retab contract. */
export function invalidInput(...problems: readonly ShownProblem[]): {
  readonly status: number;
  readonly body: unknown;
} {
  return { status: 422, body: { detail: problems } };
}
