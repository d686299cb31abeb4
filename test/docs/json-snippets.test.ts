import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isJsonObject } from '../../src/domain/json.js';
import { startApi, type TestApi } from '../support/api.js';
import { codeBlocks, document } from './markdown.js';

// What the documents show as JSON is not cut from files, so it is put to the API as it stands.

let api: TestApi;

beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());

const PAGES = ['docs/api.md', 'docs/blocks.md', 'docs/gates.md'];
const SNIPPETS = PAGES.flatMap((path) =>
  codeBlocks(document(path).text)
    .filter(({ language }) => language === 'json')
    .map(({ code, line }) => {
      const value: unknown = JSON.parse(code);
      return { where: `${path}:${line}`, path, value: isJsonObject(value) ? value : {} };
    }),
);

test('every snippet is a definition, an executor or an error', () => {
  const kinds = SNIPPETS.map(({ value }) =>
    ['blocks', 'kind', 'detail'].find((key) => key in value),
  );
  expect(kinds).not.toContain(undefined);
  expect(new Set(kinds).size).toBe(3);
});

describe('definitions and executors are taken as they stand', () => {
  test.each(SNIPPETS.filter(({ value }) => 'blocks' in value))('$where', async ({ value }) => {
    const { id, ...body } = value;
    const reply = await api.send('PUT', `/v1/workflows/${typeof id === 'string' ? id : ''}`, {
      body,
    });
    expect(reply.status, JSON.stringify(reply.body)).toBe(200);
  });

  test.each(SNIPPETS.filter(({ value }) => 'kind' in value))('$where', async ({ value }) => {
    const body = { blocks: [{ id: 'pay', type: 'task', executor: value }] };
    const reply = await api.send('PUT', '/v1/workflows/pays', { body });
    expect(reply.status, JSON.stringify(reply.body)).toBe(200);
  });
});

describe('errors are answered as they are shown', () => {
  const shown = (path: string): readonly unknown[] =>
    SNIPPETS.filter((one) => one.path === path && 'detail' in one.value).map(({ value }) => value);

  test('docs/gates.md: a group that is named twice', async () => {
    const review = { groups: ['finance', 'finance'] };
    const block = { id: 'a', type: 'task', executor: { kind: 'pass' }, review };
    const reply = await api.send('PUT', '/v1/workflows/twice', { body: { blocks: [block] } });
    expect(shown('docs/gates.md')).toEqual([reply.body]);
  });

  test('docs/api.md: a reason that is missing, and an owner who approves', async () => {
    const owner = await api.person('u_owner');
    const { path, seedId } = await api.openReview({ owner });
    const version = { version_id: seedId };
    const [missing, self] = await Promise.all([
      api.post(`${path}/reject`, { body: version }),
      api.post(`${path}/approve`, { as: owner, body: version }),
    ]);
    // A long message is shown cut.
    const cut = (text: string): string => text.replace(/"message":"[^"]*"/, '"message":…');
    expect(shown('docs/api.md').map((one) => cut(JSON.stringify(one)))).toEqual(
      [missing.body, self.body].map((one) => cut(JSON.stringify(one))),
    );
  });
});
