import { z } from 'zod';
import { isJsonObject, type JsonObject } from '../../../domain/json.js';
import { checkIJson } from '../../../rules/canonical.js';
import type { RunFilter } from '../../../store/runs.js';
import { unstorableText } from '../../unstorable-text.js';

/** What a run can be filtered by; `queued` and `failed` are older clients' words. */
export const RUN_FILTER_WORDS = [
  'pending',
  'queued',
  'running',
  'awaiting_review',
  'completed',
  'error',
  'failed',
  'cancelled',
] as const;

/** The status that a word of a filter means. */
export function filterStatus(
  word: (typeof RUN_FILTER_WORDS)[number],
): RunFilter['statuses'][number] {
  switch (word) {
    case 'failed':
      return 'error';
    case 'queued':
      return 'pending';
    default:
      return word;
  }
}

/** A filter by metadata: a JSON object, of which every part must be in the run's own. */
export const metadataParam = z
  .string()
  .transform((source, context): JsonObject => {
    const value = parseJsonOrNull(source);
    if (isJsonObject(value) && checkIJson(value).length + unstorableText(value).length === 0) {
      return value;
    }
    context.addIssue({ code: 'custom', message: 'Expected a JSON object, percent-encoded.' });
    return z.NEVER;
  })
  .meta({ override: { type: 'string', contentMediaType: 'application/json' } });

function parseJsonOrNull(source: string): unknown {
  try {
    const value: unknown = JSON.parse(source);
    return value;
  } catch {
    return null;
  }
}
