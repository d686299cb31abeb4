import { z } from 'zod';
import { isJsonObject, type Json, type JsonObject } from '../domain/json.js';

// The small schemas of which requests and answers are made. What a request carries as text ends up
// in PostgreSQL, which takes neither NUL nor (as UTF-8) half a surrogate pair.

const UNSTORABLE = /\0|\p{Surrogate}/u;

/** Any JSON, taken as it is: nothing is copied, so that no key gets lost on the way. */
export const anyJson = z
  .custom<Json>((value) => value !== undefined)
  .meta({ id: 'Json', description: 'Any JSON value.', override: {} });

/** Any JSON object, taken as it is, under a name of its own in the OpenAPI document. */
export function jsonObjectAs(
  id: string,
  description: string,
  override: Readonly<Record<string, unknown>>,
): z.ZodType<JsonObject> {
  return z
    .custom<JsonObject>(isJsonObject, {
      error: 'Expected a JSON object.',
      params: { type: 'dict_type' },
    })
    .meta({ id, description, override: { type: 'object', ...override } });
}

/** Any JSON object, taken as it is. */
export const jsonObject = jsonObjectAs('JsonObject', 'Any JSON object.', {
  additionalProperties: true,
});

/** Text that PostgreSQL can hold. */
export function text(maxLength: number): z.ZodString {
  return z
    .string()
    .max(maxLength)
    .refine((value) => !UNSTORABLE.test(value), {
      error: 'Text must have no NUL character and no half of a surrogate pair: remove it.',
    });
}

/** Whether PostgreSQL can hold a text. */
export function isStorable(value: string): boolean {
  return !UNSTORABLE.test(value);
}

/** An id of any form: what it names is looked up, so a strange one is simply not found. */
export const anyId = text(512);

/** An id that the caller chooses, and that is kept in an index. */
export const newId = text(200).min(1);

/** Text in which somebody says something: not blank. */
export function prose(maxLength: number): z.ZodString {
  return text(maxLength).refine((value) => value.trim() !== '', {
    error: 'Expected some words, not blank text.',
  });
}

/** The id of a version, in the only form there is. */
export const versionId = z
  .string()
  .regex(/^rvr_[A-Z2-7]{26}$/, { error: 'Expected a version id: rvr_ and 26 of A-Z2-7.' })
  .meta({ example: 'rvr_EJN44TAXFXFEWPKSQXEBR5GCSY' });

/** A time in an answer: RFC 3339, UTC, milliseconds. */
export const timestamp = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  .meta({ id: 'Timestamp', format: 'date-time', example: '2026-05-13T08:14:02.341Z' });

/** A time as answers show it. */
export function showTime(at: Date): string {
  return at.toISOString();
}

/** A time as answers show it, where there may be none. */
export function showTimeOrNull(at: Date | null): string | null {
  return at === null ? null : showTime(at);
}

/** A whole number in a query string. */
export function integerParam(min: number, max: number, byDefault: number): z.ZodType<number> {
  return z
    .string()
    .refine((value) => /^[+-]?\d{1,9}$/.test(value), {
      error: `Expected a whole number from ${min} to ${max}.`,
      params: { type: 'int_parsing' },
    })
    .transform(Number)
    .pipe(z.number().min(min).max(max))
    .default(byDefault)
    .meta({ override: { type: 'integer', minimum: min, maximum: max, default: byDefault } });
}

/** The query parameters of every list: cursors, length, direction. */
export function pageParams(limits: {
  readonly max: number;
  readonly byDefault: number;
  readonly order: 'asc' | 'desc';
}) {
  return {
    order: z.enum(['asc', 'desc']).default(limits.order),
    before: anyId.optional().meta({ description: 'Rows before the one with this id.' }),
    after: anyId.optional().meta({ description: 'Rows after the one with this id.' }),
    limit: integerParam(1, limits.max, limits.byDefault),
  };
}

/** A query of a list, in which at most one cursor may stand. */
export function listQuery<Shape extends z.core.$ZodLooseShape>(shape: Shape): z.ZodObject<Shape> {
  return z
    .object(shape)
    .refine(
      ({ before, after }: { before?: unknown; after?: unknown }) =>
        before === undefined || after === undefined,
      { path: ['before'], error: 'Send either `before` or `after`, not both.' },
    );
}

/** The envelope of every list. */
export function listOf<Row extends z.ZodType>(row: Row) {
  return z.object({
    data: z.array(row),
    list_metadata: z.object({ before: z.string().nullable(), after: z.string().nullable() }),
  });
}
