import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';
import { IncomingMessage } from 'node:http';
import { Client as GrpcClient } from '@grpc/grpc-js';
import { Context } from '@temporalio/activity';
import { Client } from 'pg';
import { nowMs } from './support/clock.js';
import { onQuestion, type Span, tell } from './support/messages.js';

// Imported by a process before its own code: records every statement that PostgreSQL is sent, every call of
// a client that Temporal answers, and every request that is answered, each with the request or the activity
// on whose behalf it was.

type Scope = Pick<Span, 'scope' | 'scopeId'>;

const spans: Span[] = [];
const requests = new AsyncLocalStorage<Scope>();
const begun = new WeakMap<IncomingMessage, { readonly scope: Scope; readonly fromMs: number }>();
let requestCount = 0;

subscribe('http.server.request.start', (event) => {
  const request = requestOf(event);
  if (request !== null) {
    requestCount += 1;
    const scope = { scope: routeOf(request), scopeId: String(requestCount) };
    begun.set(request, { scope, fromMs: nowMs() });
    requests.enterWith(scope);
  }
});

subscribe('http.server.response.finish', (event) => {
  const request = requestOf(event);
  const started = request === null ? undefined : begun.get(request);
  if (started !== undefined) {
    const { scope, fromMs } = started;
    spans.push({ kind: 'request', ...scope, text: scope.scope, fromMs, toMs: nowMs() });
  }
});

function requestOf(event: unknown): IncomingMessage | null {
  return typeof event === 'object' &&
    event !== null &&
    'request' in event &&
    event.request instanceof IncomingMessage
    ? event.request
    : null;
}

/** Method and path, with `*` for ids. */
function routeOf({ method, url }: IncomingMessage): string {
  const path = (url ?? '').replace(/\?.*$/, '').replaceAll(/\/(rev|run|rvr)_[^/]+/g, '/*');
  return `${method ?? ''} ${path}`;
}

function scopeOf(): Scope {
  const request = requests.getStore();
  if (request !== undefined) {
    return request;
  }
  try {
    const { activityType, activityId, workflowExecution } = Context.current().info;
    const scopeId = `${workflowExecution?.workflowId ?? ''}/${activityId}`;
    return { scope: `activity ${activityType}`, scopeId };
  } catch {
    return { scope: 'none', scopeId: '' };
  }
}

// oxlint-disable-next-line typescript/unbound-method -- it is called with its own `this`, below
const { query } = Client.prototype;
Client.prototype.query = function traced(this: Client, ...args: never[]): never {
  const fromMs = nowMs();
  const scope = scopeOf();
  const answer: unknown = Reflect.apply(query, this, args);
  const [first] = args as readonly unknown[];
  const text = textOf(first);
  if (answer instanceof Promise) {
    const ended = (): void => {
      spans.push({ kind: 'statement', ...scope, text, fromMs, toMs: nowMs() });
    };
    answer.then(ended, ended);
  }
  return answer as never; // oxlint-disable-line typescript/no-unsafe-type-assertion
};

/** What `query` was given: the text itself, or an object that holds it. */
function textOf(query: unknown): string {
  if (typeof query === 'object' && query !== null && 'text' in query) {
    return textOf(query.text);
  }
  return typeof query === 'string' ? query : 'other';
}

// oxlint-disable-next-line typescript/unbound-method -- it is called with its own `this`, below
const { makeUnaryRequest } = GrpcClient.prototype;
GrpcClient.prototype.makeUnaryRequest = function traced(this: GrpcClient, ...args: never[]): never {
  const [path, ...others] = args as readonly unknown[];
  const scope = scopeOf();
  const fromMs = nowMs();
  const answered = others.pop();
  const listening = (...answer: unknown[]): void => {
    const text = String(path).replace(/.*\//, '');
    spans.push({ kind: 'call', ...scope, text, fromMs, toMs: nowMs() });
    if (typeof answered === 'function') {
      Reflect.apply(answered, this, answer);
    }
  };
  const call: unknown = Reflect.apply(makeUnaryRequest, this, [path, ...others, listening]);
  return call as never; // oxlint-disable-line typescript/no-unsafe-type-assertion
};

onQuestion('spans', () => {
  tell({ kind: 'spans', spans: spans.splice(0) });
});
