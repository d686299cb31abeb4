import { z } from 'zod';

const problem = z
  .object({
    loc: z.array(z.union([z.string(), z.int()])),
    msg: z.string(),
    type: z.string(),
  })
  .meta({ id: 'InvalidInput', description: 'One thing wrong with a request, and where.' });

/** The body of every 422 for malformed input. */
export const invalidInput = z
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

/** The body that errors of a status have in this contract. */
export function errorBody(status: number): z.ZodType {
  return status === 422 ? invalidInput : domainError;
}
