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
import type { Dialect } from './dialects/dialect.js';
import { documentedPath, parameterPatterns } from './path-pattern.js';
import { ROUTES, type ServedRoute } from './routes.js';

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
    const beside = ROUTES.filter(
      (other) => other !== route && other.path === route.path && other.method === route.method,
    );
    if (route.servesQuery === null) {
      paths[path] = { ...paths[path], [route.method]: describeOperation(route, beside) };
    }
  }
  const document = createDocument(
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
          session: { type: 'apiKey', in: 'cookie', name: 'countersign_session' },
          veltApiKey: { type: 'apiKey', in: 'header', name: 'x-velt-api-key' },
          veltAuthToken: { type: 'apiKey', in: 'header', name: 'x-velt-auth-token' },
        },
      },
    },
    OPEN_ANSWERS,
  );
  dropSettings(document);
  return document;
}

/**
 * Takes `override` from schemas that refer to another: zod-openapi, whose setting it is, leaves it there,
 * and never applies it.
 */
function dropSettings(value: unknown): void {
  if (typeof value === 'object' && value !== null) {
    if (Object.hasOwn(value, '$ref')) {
      Reflect.deleteProperty(value, 'override');
    }
    Object.values(value).forEach(dropSettings);
  }
}

/** One operation; routes of other contracts `beside` it serve some queries of the same path. */
function describeOperation(
  route: ServedRoute,
  beside: readonly ServedRoute[],
): ZodOpenApiOperationObject {
  const isGuarded = route.access === 'guarded';
  const query = besideQuery(route, beside);
  return {
    operationId: route.id,
    summary: [route, ...beside].map(({ summary }) => summary).join(' '),
    tags: [route.tag],
    ...(isGuarded ? { description: describeAccess(ACCESS[route.id]) } : {}),
    security: isGuarded ? describeCredentials(route.dialect) : [],
    requestParams: {
      ...(route.params === null ? {} : { path: narrowed(route.params, route.path) }),
      ...(query === null ? {} : { query }),
    },
    ...(route.body === null
      ? {}
      : {
          requestBody: {
            required: !route.body.safeParse(undefined).success,
            content: { 'application/json': { schema: route.body } },
          },
        }),
    responses: mergeResponses([route, ...beside].map(describeResponses)),
  };
}

/** The ways in: one of two headers or a browser's session, or whatever the contract's own door needs together. */
function describeCredentials({ door }: Dialect): Record<string, string[]>[] {
  return door === undefined
    ? [{ bearer: [] }, { apiKey: [] }, { session: [] }]
    : [Object.fromEntries(door.credentials.map((scheme) => [scheme, []]))];
}

/** The parameters of a path, those that the router narrows with their pattern. */
function narrowed(params: z.ZodObject, path: string): z.ZodObject {
  const patterns = parameterPatterns(path).map(
    ([name, pattern]) => [name, z.string().regex(pattern)] as const,
  );
  return patterns.length === 0 ? params : params.extend(Object.fromEntries(patterns));
}

/** The parameters of all contracts that share a path; one of the same name is the main route's. */
function besideQuery(route: ServedRoute, beside: readonly ServedRoute[]): z.ZodObject | null {
  return beside.length === 0 || route.query === null
    ? route.query
    : z.object({
        ...Object.assign({}, ...beside.map(({ query }) => query?.shape)),
        ...route.query.shape,
      });
}

/** The access table in words, so that the document cannot say otherwise. */
function describeAccess({ persons, services, owner, ruling, except }: AccessRule): string {
  const everybody =
    except === undefined
      ? 'every person'
      : `every person but those with the role ${except} who are no admins`;
  const people =
    persons === 'all'
      ? everybody
      : persons.length === 0
        ? 'no person'
        : `people with the role ${persons.join(' or ')}`;
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

type Responses = Readonly<Record<string, ZodOpenApiResponseObject>>;

/** Of one contract its answers as they are; of several each status with any of their bodies. */
function mergeResponses([first = {}, ...others]: readonly Responses[]): Responses {
  return others.reduce<Responses>((merged, responses) => {
    const statuses = [...new Set([...Object.keys(merged), ...Object.keys(responses)])];
    return Object.fromEntries(
      statuses.map((status) => {
        const bodies = [merged[status], responses[status]]
          .map(bodyOf)
          .filter((one) => one !== null);
        return [status, withBody(Number(status), z.union(bodies))];
      }),
    );
  }, first);
}

function bodyOf(response: ZodOpenApiResponseObject | undefined): z.ZodType | null {
  const schema = response?.content?.['application/json']?.schema;
  return schema instanceof z.ZodType ? schema : null;
}

function describeResponses(route: ServedRoute): Responses {
  const success = Object.entries(route.responses).map(
    ([status, schema]) => [status, withBody(Number(status), schema, route.produces)] as const,
  );
  const names = route.params !== null || route.body !== null || route.query !== null;
  const common = route.dialect.errorStatuses ?? [
    401,
    403,
    503,
    ...(names ? [404, route.dialect.invalidStatus ?? 422] : []),
    ...(route.method === 'post' && names ? [409] : []),
    ...(route.body === null ? [] : [413, 415]),
  ];
  // Whoever may call a public route without a credential can still name what is not there.
  const usual =
    route.access === 'public'
      ? common.filter((status) => status !== 401 && status !== 403)
      : common;
  const errors = [...usual, ...route.furtherErrors].filter(
    (status) => !(status in route.responses),
  );
  return Object.fromEntries([
    ...success,
    ...errors.map((status) => [String(status), describeError(route.dialect, status)] as const),
  ]);
}

const DESCRIBED_ERRORS = new Map<string, ZodOpenApiResponseObject>();

/** An error that several routes of a contract answer, described once for all of them. */
function describeError({ name, errorBody }: Dialect, status: number): ZodOpenApiResponseObject {
  const form = name === 'native' ? 'retab' : name;
  const id = `${form === 'retab' ? '' : `${form} `}${STATUS_CODES[status] ?? ''}`.replaceAll(
    /\W/g,
    '',
  );
  const known = DESCRIBED_ERRORS.get(id);
  if (known !== undefined) {
    return known;
  }
  const described = { ...withBody(status, errorBody(status)), id };
  DESCRIBED_ERRORS.set(id, described);
  return described;
}

function withBody(
  status: number,
  schema: z.ZodType,
  mediaType: ServedRoute['produces'] = 'application/json',
): ZodOpenApiResponseObject {
  return {
    description: STATUS_CODES[status] ?? 'Success',
    headers: { 'x-request-id': { schema: { type: 'string' } } },
    ...(status === 204 ? {} : { content: { [mediaType]: { schema } } }),
  };
}
