import { once } from 'node:events';
import express from 'express';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { changeStream } from '../../src/api/event-stream.js';
import { type Actor, SYSTEM } from '../../src/store/actors.js';
import { inTransaction } from '../../src/store/database.js';
import {
  beginSession,
  endSession,
  findActorBySession,
  isStillSignedIn,
} from '../../src/store/sign-ins.js';
import { findActorBySecret, revokeToken } from '../../src/store/tokens.js';
import { type Caller, startApi, type TestApi, valueAt } from '../support/api.js';
import { until } from '../support/until.js';

let api: TestApi;
let ann: Caller;

beforeAll(async () => {
  api = await startApi();
  ann = await api.person('u_ann');
});
afterAll(() => api.stop());

type Event = { readonly event: string; readonly data: unknown };

/** Reads a stream event by event until it has what is looked for. */
async function follow(response: Response, isLast: (event: Event) => boolean): Promise<Event[]> {
  const events: Event[] = [];
  let text = '';
  const decoder = new TextDecoder();
  const chunks: AsyncIterable<Uint8Array> | readonly Uint8Array[] = response.body ?? [];
  for await (const chunk of chunks) {
    text += decoder.decode(chunk, { stream: true });
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const fields = new Map(
        text
          .slice(0, end)
          .split('\n')
          .map((line) => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)]),
      );
      text = text.slice(end + 2);
      if (fields.has('event')) {
        const event = {
          event: fields.get('event') ?? '',
          data: JSON.parse(fields.get('data') ?? 'null') as unknown,
        };
        events.push(event);
        if (isLast(event)) {
          return events;
        }
      }
    }
  }
  throw new Error(`the stream ended after ${JSON.stringify(events)}`);
}

const open = async (as: Caller): Promise<Response> =>
  await fetch(`${api.url}/v1/events`, { headers: { authorization: `Bearer ${as.token}` } });

describe('the event stream', () => {
  test('tells of a review and its run by kind and id, and never what they hold', async () => {
    const stream = await open(ann);
    expect([stream.status, stream.headers.get('content-type')]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
    ]);
    const snapshot = { total_amount: 4711, vendor_name: 'Not for the stream' };
    // What happens before the stream follows the log is told as one `resync`: the second review is surely behind it.
    const opened = [api.openReview({ snapshot })];
    const told = { run: new Set<unknown>(), review: new Map<unknown, unknown>() };
    const events = await follow(stream, ({ data }) => {
      const [kind, id] = [valueAt(data, 'kind'), valueAt(data, 'id')];
      if (kind === 'run') {
        told.run.add(id);
      } else if (kind === 'review') {
        told.review.set(id, valueAt(data, 'run_id'));
        if (opened.length === 1) {
          opened.push(api.openReview({ snapshot }));
        }
      }
      const [, runOfSecond] = [...told.review.values()];
      return told.run.has(runOfSecond);
    });
    const [, review] = await Promise.all(opened);
    expect(events[0]).toEqual({ event: 'resync', data: {} });
    expect(events).toContainEqual({
      event: 'change',
      data: { kind: 'run', id: review?.runId, run_id: null },
    });
    expect(events).toContainEqual({
      event: 'change',
      data: { kind: 'review', id: review?.id, run_id: review?.runId },
    });
    for (const { data } of events.filter(({ event }) => event === 'change')) {
      expect(Object.keys(data ?? {})).toEqual(['kind', 'id', 'run_id']);
    }
  });

  test('tells everybody of a vote', async () => {
    const review = await api.openReview();
    const streams = await Promise.all([open(ann), open(api.admin)]);
    const both = streams.map((stream) =>
      follow(stream, ({ data }) => valueAt(data, 'id') === review.id),
    );
    await api.post(`${review.path}/approve`, { body: { version_id: review.seedId } });
    for (const events of await Promise.all(both)) {
      expect(events.at(-1)?.data).toMatchObject({ kind: 'review', id: review.id });
    }
  });

  test('is for those with a credential', async () => {
    const response = await fetch(`${api.url}/v1/events`);
    expect(response.status).toBe(401);
    expect(valueAt(await response.json(), 'detail', 'code')).toBe('unauthenticated');
  });

  test('misses nothing while connections to PostgreSQL are lost', async () => {
    const review = await api.openReview();
    const stream = await open(ann);
    const events = follow(stream, ({ data }) => valueAt(data, 'id') === review.id);
    await sql`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()`.execute(api.db);
    // A vote that meets a connection which is lost in that moment is told so, and sent again.
    await until('the vote to be taken', async () => {
      const body = { version_id: review.seedId };
      return (await api.post(`${review.path}/approve`, { body })).status === 200;
    });
    expect((await events).filter(({ event }) => event === 'resync')).toHaveLength(1);
  });

  test('ends when the process does', async () => {
    const stream = await open(ann);
    const ended = follow(stream, () => false).catch((error: unknown) => String(error));
    await api.changes.end();
    expect(await ended).toMatch(/^Error: the stream ended after /);
  });
});

test('an open stream ends by itself once its session has ended, or its token is revoked', async () => {
  const { db } = api;
  const secret = await inTransaction(db, (tx) =>
    beginSession(tx, { projectId: SYSTEM.projectId, personId: 'u_ann' }, 'link'),
  );
  const session = await findActorBySession(db, secret ?? '');
  const token = await findActorBySecret(db, (await api.person('u_bea')).token);
  const [own, other] = [await pingsOf(session), await pingsOf(token)];
  await Promise.all([own.next(), other.next()]);
  await endSession(db, secret ?? '');
  expect(await ends(own)).toBe(true);
  expect((await other.next()).done).toBe(false);
  await revokeToken(db, SYSTEM, token?.tokenId ?? '');
  expect(await ends(other)).toBe(true);
});

/** What a stream of somebody says, with a ping every few milliseconds. */
async function pingsOf(actor: Actor | null): Promise<AsyncIterator<Uint8Array>> {
  if (actor === null) {
    throw new Error('nobody came');
  }
  const stream = changeStream(
    api.changes,
    actor.projectId,
    () => isStillSignedIn(api.db, actor),
    5,
  );
  const server = express()
    .get('/', (_request, response) => stream.open(response))
    .listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const { body } = await fetch(`http://127.0.0.1:${port}/`);
  server.close();
  const chunks: AsyncIterable<Uint8Array> = body ?? new ReadableStream();
  return chunks[Symbol.asyncIterator]();
}

async function ends(pings: AsyncIterator<Uint8Array>): Promise<boolean> {
  for (let said = await pings.next(); said.done !== true; said = await pings.next()) {
    // What was under way is read to its end.
  }
  return true;
}
