import { z } from 'zod';
import { BLOCK_TYPES } from '../domain/definition.js';
import { isJsonObject, type JsonObject } from '../domain/json.js';
import { parseDurationMs } from '../domain/duration.js';
import { closed } from './zod-problems.js';

/** What ids of workflows and blocks look like: they become parts of URLs and of Temporal's ids. */
export const ID_FORM = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

/** How many blocks a definition may have, those of bodies counted. */
export const MAX_BLOCKS = 100;
const MAX_REQUIRED = 100;
const MAX_ENTRIES = 100;

const id = z.string().regex(ID_FORM, {
  error: 'expected 1 to 64 letters, digits, "_", "." or "-", the first a letter or a digit',
});

/** A name that people read: not blank, not long. */
const name = z
  .string()
  .max(200)
  .refine((text) => text.trim() !== '', { error: 'expected more than white space' });

const duration = z.string().refine((text) => parseDurationMs(text) !== null, {
  error: 'expected a duration of at most ten years such as "500ms", "30s", "5m", "24h" or "7d"',
});

const link = z
  .string()
  .max(2_000)
  .refine((text) => /^https?:\/\//i.test(text) && URL.canParse(text), {
    error: 'expected a URL that begins with http:// or https://',
  });

const object = z.custom<JsonObject>((value) => isJsonObject(value), {
  error: 'expected an object',
});

const group = closed({
  group: name,
  required: z.int().min(1).max(MAX_REQUIRED).nullish(),
});

const reviewer = closed({ id: name, mandatory: z.boolean().nullish() });

const review = closed({
  name: name.nullish(),
  instructions: z.string().max(10_000).nullish(),
  link: link.nullish(),
  predicate: z.unknown().optional(),
  when: z.string().nullish(),
  placement: z.enum(['output', 'input']).nullish(),
  groups: z
    .array(z.union([name, group]))
    .max(MAX_ENTRIES)
    .nullish(),
  reviewers: z.array(reviewer).max(MAX_ENTRIES).nullish(),
  min_approvals: z.int().min(1).nullish(),
  self_approval: z.enum(['never', 'admins']).nullish(),
  one_person_one_entry: z.boolean().nullish(),
  corrections: z.enum(['entries', 'none']).nullish(),
  correction_author_may_approve: z.boolean().nullish(),
  release: z.union([z.enum(['auto', 'manual']), closed({ after: duration })]).nullish(),
  on_reject: z.enum(['cancel_run', 'drop', 'continue']).nullish(),
  force_approval_groups: z.array(name).max(MAX_ENTRIES).nullish(),
  acknowledge_superseded: z.boolean().nullish(),
  due_in: duration.nullish(),
  remind_every: z.unknown().optional(),
  on_due: z.unknown().optional(),
  escalate: z.unknown().optional(),
});

const endpoint = link.refine(
  (text) => {
    const { username, password } = URL.canParse(text)
      ? new URL(text)
      : { username: '', password: '' };
    return username === '' && password === '';
  },
  { error: 'expected a URL without a user name or password; declare secret_name to sign requests' },
);

/** Upper-cased it becomes the end of an environment variable's name. */
const secretName = z.string().regex(/^[A-Za-z][A-Za-z0-9_-]{0,62}$/, {
  error: 'expected 1 to 63 letters, digits, "_" or "-", the first a letter',
});

const requestTimeout = duration.refine(
  (text) => {
    const timeoutMs = parseDurationMs(text) ?? 0;
    return timeoutMs > 0 && timeoutMs <= 24 * 3_600_000;
  },
  { error: 'expected a duration from "1ms" to "24h"' },
);

const executor = z.discriminatedUnion('kind', [
  closed({ kind: z.literal('supplied') }),
  closed({ kind: z.literal('pass') }),
  closed({
    kind: z.literal('http'),
    url: endpoint,
    secret_name: secretName.exactOptional(),
    timeout: requestTimeout.exactOptional(),
  }),
  closed({ kind: z.literal('function'), name }),
]);

const blockFields = {
  id,
  type: z.enum(BLOCK_TYPES),
  label: name.nullish(),
  needs: z.array(z.string()).max(MAX_BLOCKS).nullish(),
  executor,
  review: review.nullish(),
  config: closed({ review: review.nullish() }).nullish(),
  json_schema: object.nullish(),
  categories: z.array(z.string().min(1)).min(1).nullish(),
  n_consensus: z.int().min(1).max(100).nullish(),
  map_method: z.string().nullish(),
  key: z.string().nullish(),
  allow_overlap: z.boolean().nullish(),
  execution: closed({
    repeatable: z.boolean().nullish(),
    attempts: z.int().min(1).max(20).nullish(),
    timeout: duration.nullish(),
  }).nullish(),
};

/** A block as its author wrote it; the blocks in the body of a for_each have the same form. */
export type DeclaredBlock = z.infer<z.ZodObject<typeof blockFields, z.core.$strict>> & {
  readonly body?: readonly DeclaredBlock[] | null | undefined;
};

const block: z.ZodType<DeclaredBlock> = closed({
  ...blockFields,
  body: z.lazy(() => z.array(block).min(1).max(MAX_BLOCKS)).nullish(),
});

/**
 * The body that stores a definition, as its author wrote it: defaults are missing, and null says the same as nothing.
 *
 * Shapes only. What one part says about another is checked in `definition.ts` and `gate-check.ts`.
 */
export const definitionShape = closed({
  blocks: z.array(block).min(1).max(MAX_BLOCKS),
  name: name.nullish(),
  metadata: object.nullish(),
});

export type DeclaredReview = z.infer<typeof review>;
