import { STATUS_CODES } from 'node:http';
import { z } from 'zod';
import {
  createDocument,
  type CreateDocumentOptions,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
  type ZodOpenApiResponseObject,
} from 'zod-openapi';
import { ACCESS, type AccessRule } from './access.js';
import { documentedPath } from './path-pattern.js';
import { ROUTES, type ServedRoute } from './routes.js';

const problem = z
  .object({
    loc: z.array(z.union([z.string(), z.int()])),
    msg: z.string(),
    type: z.string(),
  })
  .meta({ id: 'InvalidInput', description: 'One thing wrong with a request, and where.' });

const invalidInput = z
  .object({ detail: z.array(problem) })
  .meta({ id: 'InvalidInputError', description: 'The request breaks its schema.' });

const domainError = z
  .object({
    detail: z.object({
      code: z.string().meta({ example: 'review_not_found' }),
      message: z.string(),
      details: z.record(z.string(), z.unknown()),
    }),
  })
  .meta({ id: 'DomainError', description: 'Why the request was not carried out, and what to do.' });

/** Answers may get further keys, so a client must not take their schemas as closed. */
const OPEN_ANSWERS: CreateDocumentOptions = {
  override: ({ jsonSchema, io }) => {
    if (io === 'output' && jsonSchema.additionalProperties === false) {
      delete jsonSchema.additionalProperties;
    }
  },
};

/** The OpenAPI 3.1 document of every route, in the order in which they are served. */
export function createOpenApi(version: string): ReturnType<typeof createDocument> {
  const paths: ZodOpenApiPathsObject = {};
  for (const route of ROUTES) {
    const path = documentedPath(route.path);
    paths[path] = { ...paths[path], [route.method]: describeOperation(route) };
  }
  return createDocument(
    {
      openapi: '3.1.1',
      info: {
        title: 'Countersign',
        version,
        description:
          "Durable review gates on Temporal: a block's output waits until the right people have decided.",
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      tags: [...new Set(ROUTES.map(({ tag }) => tag))].map((name) => ({ name })),
      paths,
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer' },
          apiKey: { type: 'apiKey', in: 'header', name: 'Api-Key' },
        },
      },
    },
    OPEN_ANSWERS,
  );
}

function describeOperation(route: ServedRoute): ZodOpenApiOperationObject {
  const isGuarded = route.access === 'guarded';
  return {
    operationId: route.id,
    summary: route.summary,
    tags: [route.tag],
    ...(isGuarded ? { description: describeAccess(ACCESS[route.id]) } : {}),
    security: isGuarded ? [{ bearer: [] }, { apiKey: [] }] : [],
    requestParams: {
      ...(route.params === null ? {} : { path: route.params }),
      ...(route.query === null ? {} : { query: route.query }),
    },
    ...(route.body === null
      ? {}
      : {
          requestBody: {
            required: !route.body.safeParse(undefined).success,
            content: { 'application/json': { schema: route.body } },
          },
        }),
    responses: describeResponses(route),
  };
}

/** The access table in words, so that the document cannot say otherwise. */
function describeAccess({ persons, services, owner, ruling }: AccessRule): string {
  const people =
    persons === 'all' ? 'every person' : `people with the role ${persons.join(' or ')}`;
  const scopes =
    services.length === 0
      ? 'no service'
      : `services with the scope ${services.map((scope) => `\`${scope}\``).join(' or ')}`;
  const further =
    owner === true
      ? " The run's owner may, too."
      : ruling === true
        ? ' The rules of the gate decide further who may.'
        : '';
  return `For ${people} and ${scopes}.${further}`;
}

function describeResponses(route: ServedRoute): ZodOpenApiOperationObject['responses'] {
  const success = Object.entries(route.responses).map(
    ([status, schema]) => [status, withBody(Number(status), schema)] as const,
  );
  if (route.access === 'public') {
    return Object.fromEntries(success);
  }
  const names = route.params !== null || route.body !== null || route.query !== null;
  const errors = [
    401,
    403,
    503,
    ...(names ? [404, 422] : []),
    ...(route.method === 'post' && names ? [409] : []),
    ...(route.body === null ? [] : [413, 415]),
  ];
  return Object.fromEntries([
    ...success,
    ...[...ERRORS].filter(([status]) => errors.includes(Number(status))),
  ]);
}

/** The errors that several routes answer, each described once. */
const ERRORS = new Map(
  [401, 403, 404, 409, 413, 415, 422, 503].map((status) => [
    String(status),
    {
      ...withBody(status, status === 422 ? invalidInput : domainError),
      id: (STATUS_CODES[status] ?? '').replaceAll(/\W/g, ''),
    },
  ]),
);

function withBody(status: number, schema: z.ZodType): ZodOpenApiResponseObject {
  return {
    description: STATUS_CODES[status] ?? 'Success',
    headers: { 'x-request-id': { schema: { type: 'string' } } },
    content: { 'application/json': { schema } },
  };
}
