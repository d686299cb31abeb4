import { z } from 'zod';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { reviewRequest } from '../../src/api/dialects/hoop/request.js';
import { ROUTES } from '../../src/api/routes.js';
import { type OpenedReview, type Sending, startApi, type TestApi } from '../support/api.js';

let api: TestApi;
let review: OpenedReview;

beforeAll(async () => {
  api = await startApi();
  review = await api.openReview();
});
afterAll(() => api.stop());

const HOSTILE: readonly unknown[] = [
  null,
  '',
  ' ',
  'a\0b',
  '\ud800',
  '😀'.repeat(300),
  "'; drop table review; --",
  '%',
  '\\',
  'x'.repeat(3_000),
  '2026-05-13T08:14:02.341Z',
  -1,
  0,
  1.5,
  2 ** 60,
  true,
  [],
  [null],
  ['a\0b'],
  {},
  { a: { 'b\0': '\0' } },
  { $ne: null },
  Object.fromEntries([['__proto__', { admin: true }]]),
];

const texts = HOSTILE.map((value) => (typeof value === 'string' ? value : JSON.stringify(value)));

/** What a route takes in its body, by name, as far as its schema tells. */
function keysOf(schema: z.ZodType | null): readonly string[] {
  if (schema instanceof z.ZodNullable || schema instanceof z.ZodOptional) {
    const inner: unknown = schema.unwrap();
    return inner instanceof z.ZodType ? keysOf(inner) : [];
  }
  if (schema === reviewRequest) {
    return ['status', 'time_window', 'force_review', 'rejection_reason', 'version_id'];
  }
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : ['blocks', 'name'];
}

/** A path with some value for every parameter. */
function pathWith(path: string, value: string): string {
  return path.replaceAll(/\{(\w+)(?::(\w+))?\}/g, (_all, _name, prefix?: string) =>
    encodeURIComponent((prefix ?? '') + value),
  );
}

/** UTF-8 has no half surrogates, so an address cannot have any either. */
const addressable = texts.filter((text) => text !== '\ud800');

const guarded = ROUTES.filter((route) => route.access === 'guarded').map(
  (route) => [route.id, route] as const,
);

/** The body of a request that would be carried out, of which one key at a time is spoilt. */
function soundBody(id: string): object {
  const reason = 'for a reason';
  const bodies: Readonly<Record<string, object>> = {
    'reviews.approve': { version_id: review.seedId },
    'reviews.reject': { version_id: review.seedId, reason },
    'reviews.withdraw': { reason },
    'reviews.reassign': { entry: 'anyone', to: { reviewer: 'u_ann' }, reason },
    'versions.create': { review_id: review.id, parent_id: review.seedId, snapshot: { a: 1 } },
    'runs.start': { workflow_id: review.row.workflowId },
    'runs.cancel': { reason },
    'hoop.reviews.put': { status: 'APPROVED', version_id: review.seedId },
    'hoop.sessions.review': { status: 'REVOKED' },
    'users.put': { name: 'Dana', email: 'dana@example.com', groups: [] },
    'tokens.create': { user_id: api.admin.id },
    'workflows.put': { blocks: [{ id: 'take', type: 'task', executor: { kind: 'supplied' } }] },
  };
  return bodies[id] ?? {};
}

const withParams = guarded.filter(([, { params }]) => params !== null);
test.each(withParams)('%s answers every path without failing', async (_id, route) => {
  await Promise.all(
    addressable
      .filter((text) => text !== '')
      .map(async (text) => {
        const path = pathWith(route.path, text);
        const sending: Sending = route.body === null ? {} : { raw: '{}' };
        const { status } = await api.send(route.method.toUpperCase(), path, sending);
        expect(status, text).toBeLessThan(500);
      }),
  );
});

const withQuery = guarded.filter(([, { query }]) => query !== null);
test.each(withQuery)('%s answers every query without failing', async (_id, route) => {
  for (const name of Object.keys(route.query?.shape ?? {})) {
    await Promise.all(
      addressable.map(async (text) => {
        const query = `${name}=${encodeURIComponent(text)}`;
        const { status } = await api.get(`${pathWith(route.path, 'none')}?${query}`);
        expect(status, query).toBeLessThan(500);
      }),
    );
  }
});

const withBody = guarded.filter(([, { body }]) => body !== null);
test.each(withBody)('%s answers every body without failing', async (id, route) => {
  const path = route.path
    .replace('{review_id:rev_}', review.id)
    .replace('{run_id}', review.runId)
    .replace(/\{(?:id|session_id)\}/, review.stepId)
    .replace('{user_id}', 'u_dana')
    .replace('{workflow_id}', 'wf_hostile');
  for (const value of HOSTILE) {
    const bodies = keysOf(route.body).map((key) => ({ ...soundBody(id), [key]: value }));
    await Promise.all(
      [value, ...bodies].map(async (body) => {
        const { status } = await api.send(route.method.toUpperCase(), path, { body });
        expect(status, JSON.stringify(body)).toBeLessThan(500);
      }),
    );
  }
});
