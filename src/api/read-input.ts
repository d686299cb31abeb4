import type { Request, Response } from 'express';
import type { z } from 'zod';
import { type ApiError, type InvalidInput, isApiError } from './errors.js';
import { checkInput, readQuery } from './invalid-input.js';
import { readJsonBody } from './read-body.js';
import type { Route } from './route.js';

/** What of a request was checked against its route's schemas. */
type Input = { readonly params: unknown; readonly query: unknown; readonly body: unknown };

/** Reads path, query and body, and checks each; everything that is wrong is told at once. */
export async function readInput(
  route: Route,
  request: Request,
  response: Response,
): Promise<Input | ApiError> {
  const body =
    route.body === null
      ? { kind: 'body' as const, value: undefined }
      : await readJsonBody(request, response, route.bodySize);
  if (isApiError(body)) {
    return body;
  }
  const search = new URLSearchParams(request.url.replace(/^[^?]*/, ''));
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
