import { z } from 'zod';
import type { Json } from '../../../domain/json.js';
import { type Answer, answer } from '../../answer.js';

/** The contract's words for what went wrong, each with its HTTP status. */
export const HTTP_STATUS = {
  INVALID_ARGUMENT: 400,
  FAILED_PRECONDITION: 400,
  OUT_OF_RANGE: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  ABORTED: 409,
  RESOURCE_EXHAUSTED: 429,
  CANCELLED: 499,
  INTERNAL: 500,
  UNKNOWN: 500,
  DATA_LOSS: 500,
  UNIMPLEMENTED: 501,
  UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 504,
} as const;

export type StatusWord = keyof typeof HTTP_STATUS;

/** The body of every error of this contract. */
export const errorEnvelope = z
  .object({
    error: z.object({
      message: z.string(),
      status: z.enum(Object.keys(HTTP_STATUS)),
      details: z
        .object({
          issues: z
            .array(
              z.object({
                code: z.string(),
                path: z.array(z.union([z.string(), z.int()])),
                message: z.string(),
              }),
            )
            .optional(),
        })
        .optional(),
    }),
  })
  .meta({ id: 'VeltError', description: 'Why the request was not carried out.' });

/** An error in the contract's envelope; `details` are left out where there are none. */
export function fail(
  status: StatusWord,
  message: string,
  details: { readonly [key: string]: Json } | null = null,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  const error = { message, status, ...(details === null ? {} : { details }) };
  return answer(HTTP_STATUS[status], { error }, headers);
}
