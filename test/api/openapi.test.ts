import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { createOpenApi } from '../../src/api/openapi.js';
import { documentedPath, pathPattern } from '../../src/api/path-pattern.js';
import { ROUTES } from '../../src/api/routes.js';
import { VERSION } from '../../src/cli/version.js';
import { valueAt } from '../support/api.js';

const document: unknown = JSON.parse(JSON.stringify(createOpenApi(VERSION)));

const keysOf = (value: unknown): readonly string[] =>
  typeof value === 'object' && value !== null ? Object.keys(value) : [];

/** Every object of the document that may be a schema, with its path: names of properties are none. */
function schemasWithin(value: unknown, path = '#'): readonly (readonly [string, object])[] {
  if (typeof value !== 'object' || value === null) {
    return [];
  }
  const areNames = path.endsWith('/properties') || path.endsWith('/schemas');
  const own = areNames || Array.isArray(value) ? [] : [[path, value] as const];
  const inside = Object.entries(value).flatMap(([key, each]) =>
    schemasWithin(each, `${path}/${key}`),
  );
  return [...own, ...inside];
}

describe('the OpenAPI document', () => {
  test('is the one that is committed', async () => {
    const text = await readFile(new URL('../../openapi.json', import.meta.url), 'utf8');
    expect(JSON.parse(text)).toEqual(document);
  });

  test.each(ROUTES.map((route) => [route.id, route] as const))('has %s', (_id, route) => {
    const operation = valueAt(document, 'paths', documentedPath(route.path), route.method);
    if (route.servesQuery === null) {
      expect(operation).toMatchObject({ operationId: route.id, tags: [route.tag] });
    }
    expect(valueAt(operation, 'security')).toEqual(
      route.access === 'public'
        ? []
        : route.dialect.door === undefined
          ? [{ bearer: [] }, { apiKey: [] }, { session: [] }]
          : [{ veltApiKey: [], veltAuthToken: [] }],
    );
    for (const status of Object.keys(route.responses)) {
      const described = valueAt(operation, 'responses', status);
      expect(described).toBeDefined();
      expect(valueAt(described, 'content', route.produces) === undefined).toBe(status === '204');
    }
  });

  test('says of a path that two contracts serve what either takes and answers', () => {
    const operation = valueAt(document, 'paths', '/v1/workflows/reviews', 'get');
    const parameters = valueAt(operation, 'parameters');
    const names = Array.isArray(parameters)
      ? parameters.map((parameter: unknown) => valueAt(parameter, 'name'))
      : [];
    expect(names).toEqual(expect.arrayContaining(['decision_status', 'status', 'mine']));
    for (const status of ['200', '401', '403', '422', '503']) {
      const content = valueAt(operation, 'responses', status, 'content', 'application/json');
      expect(valueAt(content, 'schema', 'anyOf')).toHaveLength(2);
    }
  });

  test('says which ids a path takes where another contract takes the rest', () => {
    const patternOf = (path: string, method: string): unknown =>
      valueAt(document, 'paths', path, method, 'parameters', 0, 'schema', 'pattern');
    expect(patternOf('/v1/workflows/reviews/{review_id}/approve', 'post')).toBe('^rev_');
    expect(patternOf('/v1/workflows/reviews/{run_id}/{block_id}', 'get')).toBe('^(?!rev_)');
  });

  test('names every parameter of a path', () => {
    for (const route of ROUTES) {
      const named = [...route.path.matchAll(/\{(\w+)/g)].map(([, name]) => name);
      expect(Object.keys(route.params?.shape ?? {})).toEqual(named);
    }
  });

  test('has one type for any JSON, and no schema without a name of its own', () => {
    const schemas = keysOf(valueAt(document, 'components', 'schemas'));
    expect(schemas).toContain('Json');
    expect(schemas.filter((name) => name.startsWith('__'))).toEqual([]);
    expect(JSON.stringify(document)).not.toContain('$defs');
  });

  test('every reference leads somewhere', () => {
    const references = JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g);
    for (const [, path = ''] of references) {
      expect(valueAt(document, ...path.split('/')), path).toBeDefined();
    }
  });

  test('says of what is defined elsewhere no more than a description, and nothing in words of our tools', () => {
    const schemas = schemasWithin(document);
    expect(schemas.length).toBeGreaterThan(500);
    for (const [path, schema] of schemas) {
      if (Object.hasOwn(schema, '$ref')) {
        expect(['$ref', 'description'], path).toEqual(expect.arrayContaining(Object.keys(schema)));
      }
      expect(Object.keys(schema), path).not.toContain('override');
    }
  });

  test('says what a definition has, of its request as of the check of one', () => {
    const body = valueAt(document, 'components', 'schemas', 'DefinitionRequest');
    expect(body).toMatchObject({
      type: 'object',
      required: ['blocks'],
      properties: { blocks: { type: 'array', minItems: 1 } },
    });
  });

  test('has no answer that forbids further keys', () => {
    const review = valueAt(document, 'components', 'schemas', 'Review');
    expect(JSON.stringify(review)).not.toContain('additionalProperties":false');
    const approve = valueAt(document, 'components', 'schemas', 'ApproveRequest');
    expect(valueAt(approve, 'additionalProperties')).toBe(false);
  });
});

test('operation ids are unique', () => {
  const ids = ROUTES.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
});

describe('pathPattern', () => {
  test.each([
    ['/v1/things', '/v1/things', {}],
    ['/v1/things', '/v1/things/', {}],
    ['/v1/things', '/v1/thingsx', null],
    ['/v1/things', '/V1/things', null],
    ['/openapi.json', '/openapixjson', null],
    ['/v1/things/{thing_id}', '/v1/things/a%2Fb', { thing_id: 'a%2Fb' }],
    ['/v1/things/{thing_id}', '/v1/things/', null],
    ['/v1/things/{thing_id}', '/v1/things/a/b', null],
    ['/v1/things/{thing_id:thg_}/parts', '/v1/things/thg_1/parts', { thing_id: 'thg_1' }],
    ['/v1/things/{thing_id:thg_}/parts', '/v1/things/xthg_1/parts', null],
    ['/v1/things/{thing_id:!thg_}/parts', '/v1/things/xthg_1/parts', { thing_id: 'xthg_1' }],
    ['/v1/things/{thing_id:!thg_}/parts', '/v1/things/thg_1/parts', null],
    ['/v1/things/{thing_id:thg_}/parts', '/v1/things/thg_/parts', null],
  ])('%s on %s', (path, url, params) => {
    const match = pathPattern(path).exec(url);
    expect(match === null ? null : { ...match.groups }).toEqual(params);
  });
});
