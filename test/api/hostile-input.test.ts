import { z } from 'zod';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROUTES } from '../../src/api/routes.js';
import { startApi, type TestApi } from '../support/api.js';

let api: TestApi;

beforeAll(async () => {
  api = await startApi();
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
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : ['blocks', 'name'];
}

const guarded = ROUTES.filter((route) => route.access === 'guarded');

/** A path with some value for every parameter. */
function pathWith(path: string, value: string): string {
  return path.replaceAll(/\{(\w+)(?::(\w+))?\}/g, (_all, _name, prefix?: string) =>
    encodeURIComponent((prefix ?? '') + value),
  );
}

/** UTF-8 has no half surrogates, so a path cannot either. */
const pathTexts = texts.filter((text) => text !== '' && text !== '\ud800');

describe.each(guarded.map((route) => [route.id, route] as const))('%s', (_id, route) => {
  const method = route.method.toUpperCase();

  test.runIf(route.params !== null)('answers every path without failing', async () => {
    for (const text of pathTexts) {
      const { status } = await api.send(method, pathWith(route.path, text), {
        ...(route.body === null ? {} : { body: {} }),
      });
      expect(status, text).toBeLessThan(500);
    }
  });

  test.runIf(route.query !== null)('answers every query without failing', async () => {
    for (const name of Object.keys(route.query?.shape ?? {})) {
      for (const text of texts.filter((one) => one !== '\ud800')) {
        const query = `${name}=${encodeURIComponent(text)}`;
        const { status } = await api.send(method, `${pathWith(route.path, 'none')}?${query}`);
        expect(status, query).toBeLessThan(500);
      }
    }
  });

  test.runIf(route.body !== null)('answers every body without failing', async () => {
    for (const value of HOSTILE) {
      const bodies = keysOf(route.body).map((key) => Object.fromEntries([[key, value]]));
      const all = Object.fromEntries(keysOf(route.body).map((key) => [key, value]));
      for (const body of [value, all, ...bodies]) {
        const { status } = await api.send(method, pathWith(route.path, 'none'), { body });
        expect(status, JSON.stringify(body)).toBeLessThan(500);
      }
    }
  });
});
