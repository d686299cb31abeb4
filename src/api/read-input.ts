import type { Request, Response } from 'express';
import type { z } from 'zod';
import { type ApiError, type InvalidInput, isApiError } from './errors.js';
import { checkInput, readQuery } from './invalid-input.js';
import { type ReadBody, readJsonBody } from './read-body.js';
import type { Route } from './route.js';

/** What of a request was checked against its route's schemas. */
type Input = { readonly params: unknown; readonly query: unknown; readonly body: unknown };

/** The query of a request, as it was sent. */
export function queryOf(request: Request): URLSearchParams {
  return new URLSearchParams(request.url.replace(/^[^?]*/, ''));
}

/** Reads the body of a request to a route that takes one. */
export async function readRouteBody(
  route: Route,
  request: Request,
  response: Response,
): Promise<ReadBody> {
  return route.body === null
    ? { kind: 'body', value: undefined }
    : await readJsonBody(request, response, route.bodySize);
}

/**
 * Reads path, query and body, and checks each; everything that is wrong is told at once.
 *
 * @param early the body, where it was read already
 */
export async function readInput(
  route: Route,
  request: Request,
  response: Response,
  early: ReadBody | null,
): Promise<Input | ApiError> {
  const body = early ?? (await readRouteBody(route, request, response));
  if (isApiError(body)) {
    return body;
  }
  const search = queryOf(request);
  const problems: InvalidInput[] = [];
  const check = (
    schema: z.ZodType | null,
    value: unknown,
    part: 'path' | 'query' | 'body',
  ): unknown => {
    if (schema === null) {
      return undefined;
    }
    const checked = checkInput(schema, value, part);
    if (checked.problems === null) {
      return checked.value;
    }
    problems.push(...checked.problems);
    return undefined;
  };
  const input: Input = {
    params: check(route.params, { ...request.params }, 'path'),
    query: check(route.query, route.query === null ? {} : readQuery(route.query, search), 'query'),
    body: check(route.body, body.value, 'body'),
  };
  return problems.length > 0 ? { kind: 'error', code: 'invalid', problems } : input;
}
