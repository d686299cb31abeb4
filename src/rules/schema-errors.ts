import type { ErrorObject } from 'ajv/dist/2020.js';
import { isJsonObject } from '../domain/json.js';
import { describe, oneOf, type Problem } from './problem.js';
import { own } from './schema-tree.js';

/** Ajv's error as a problem that says what was given. */
export function problemFromError(error: ErrorObject | undefined, value: unknown): Problem {
  if (error === undefined) {
    return { path: [], message: 'does not satisfy the schema' };
  }
  const path: (string | number)[] = [];
  let place: unknown = value;
  for (const part of error.instancePath.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (Array.isArray(place)) {
      path.push(Number(key));
      place = place[Number(key)];
    } else {
      path.push(key);
      place = isJsonObject(place) ? own(place, key) : undefined;
    }
  }
  const params: { readonly [key: string]: unknown } = error.params;
  switch (error.keyword) {
    case 'required':
    case 'dependentRequired':
      return { path: [...path, String(params['missingProperty'])], message: 'is required' };
    case 'additionalProperties':
      return {
        path: [...path, String(params['additionalProperty'])],
        message: 'is not accepted here',
      };
    case 'unevaluatedProperties':
      return {
        path: [...path, String(params['unevaluatedProperty'])],
        message: 'is not accepted here',
      };
    case 'enum': {
      const allowed: unknown = params['allowedValues'];
      const words = Array.isArray(allowed) ? allowed.slice(0, 30) : [];
      return { path, message: `expected ${oneOf(words)}, got ${describe(place)}` };
    }
    case 'const':
      return {
        path,
        message: `expected ${describe(params['allowedValue'])}, got ${describe(place)}`,
      };
    case 'uniqueItems':
      return { path, message: 'expected items that all differ' };
    default:
      return {
        path,
        message: `${error.message ?? 'does not satisfy the schema'}, got ${describe(place)}`,
      };
  }
}
