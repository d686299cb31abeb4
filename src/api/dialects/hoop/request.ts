import { z } from 'zod';
import { isJsonObject, type Json, type JsonObject } from '../../../domain/json.js';
import type { Verdict } from '../../../domain/facts.js';
import { isTimeOfDay, type TimeWindow } from '../../../domain/time-window.js';
import { isStorable } from '../../fields.js';

const MAX_REASON_LENGTH = 10_000;

/** The body of a vote, for the document; `parseReviewRequest` reads it, in the contract's own texts. */
export const reviewRequest = z
  .custom<unknown>((value) => value !== undefined)
  .meta({
    id: 'HoopReviewRequest',
    override: {
      type: 'object',
      required: ['status'],
      properties: {
        status: {
          type: 'string',
          minLength: 1,
          description: 'APPROVED, REJECTED or REVOKED, in upper or lower case.',
          examples: ['APPROVED'],
        },
        time_window: {
          type: ['object', 'null'],
          description: 'Hours of every day, in UTC, outside which nothing is executed.',
          required: ['type', 'configuration'],
          properties: {
            type: { type: 'string', enum: ['time_range'] },
            configuration: {
              type: 'object',
              required: ['start_time', 'end_time'],
              properties: {
                start_time: { type: 'string', pattern: String.raw`^([01]\d|2[0-3]):[0-5]\d$` },
                end_time: { type: 'string', pattern: String.raw`^([01]\d|2[0-3]):[0-5]\d$` },
              },
            },
          },
        },
        force_review: { type: ['boolean', 'null'] },
        rejection_reason: { type: ['string', 'null'], maxLength: MAX_REASON_LENGTH },
        version_id: {
          type: ['string', 'null'],
          description: 'The version to vote on; by default the newest.',
        },
        acknowledged_superseded_version_ids: {
          type: ['array', 'null'],
          items: { type: 'string' },
          description: 'The versions that may be discarded, where the gate asks.',
        },
      },
    },
  });

/** A vote as it was asked for. */
export type ReviewRequest = {
  /** Null for a status that nobody can ask for: that is told once the review is known. */
  readonly verdict: Verdict | null;
  readonly timeWindow: TimeWindow | null;
  readonly force: boolean;
  readonly rejectionReason: string;
  readonly versionId: string | null;
  readonly acknowledgedVersionIds: readonly string[];
};

/** Why a body is no vote, in one text. */
export type BadRequest = { readonly message: string };

const VERDICTS: Readonly<Record<string, Verdict>> = {
  APPROVED: 'approved',
  REJECTED: 'rejected',
  REVOKED: 'revoked',
};

/**
 * Reads the body of a vote as the contract's own server does: values of a wrong type first, then what
 * is required, then the time window. Unknown fields are ignored, and null is as good as nothing.
 */
export function parseReviewRequest(body: unknown): ReviewRequest | BadRequest {
  if (!isJsonObject(body)) {
    return body === null
      ? { message: requiredText('Status') }
      : { message: `json: cannot unmarshal ${kindOf(body)} into Go value of type ReviewRequest` };
  }
  const mistyped = findMistyped(body);
  if (mistyped !== null) {
    return mistyped;
  }
  const { status, time_window: window, force_review: force } = body;
  const missing = [
    ...(isGiven(status) ? [] : [requiredText('Status')]),
    ...(isJsonObject(window) && !isGiven(window['type']) ? [requiredText('TimeWindow.Type')] : []),
    ...(isJsonObject(window) && !isGiven(window['configuration'])
      ? [requiredText('TimeWindow.Configuration')]
      : []),
  ];
  if (missing.length > 0) {
    return { message: missing.join('\n') };
  }
  const timeWindow = isJsonObject(window) ? parseTimeWindow(window) : null;
  if (timeWindow !== null && 'message' in timeWindow) {
    return timeWindow;
  }
  const rejectionReason = textOf(body['rejection_reason']);
  if (rejectionReason.length > MAX_REASON_LENGTH || !isStorable(rejectionReason)) {
    return {
      message: `rejection_reason takes up to ${MAX_REASON_LENGTH} characters, and neither NUL nor half of a surrogate pair`,
    };
  }
  const versionId = textOf(body['version_id']);
  const acknowledged = body['acknowledged_superseded_version_ids'];
  return {
    verdict: VERDICTS[textOf(status).toUpperCase()] ?? null,
    timeWindow,
    force: force === true,
    rejectionReason,
    versionId: versionId === '' ? null : versionId,
    acknowledgedVersionIds: isList(acknowledged) ? acknowledged.map(textOf) : [],
  };
}

/** What the contract's server says of a required field that is missing or empty. */
export function requiredText(field: string): string {
  const name = field.split('.').at(-1) ?? field;
  return `Key: 'ReviewRequest.${field}' Error:Field validation for '${name}' failed on the 'required' tag`;
}

function parseTimeWindow(window: JsonObject): TimeWindow | BadRequest {
  const configuration = isJsonObject(window['configuration']) ? window['configuration'] : {};
  const start = textOf(configuration['start_time']);
  const end = textOf(configuration['end_time']);
  if (start === '' || end === '') {
    return { message: 'both from and to time must be provided' };
  }
  for (const [name, time] of [
    ['start_time', start],
    ['end_time', end],
  ] as const) {
    if (!isTimeOfDay(time)) {
      return { message: `invalid ${name} format, expected HH:MM in 24-hour format` };
    }
  }
  return window['type'] === 'time_range'
    ? { start, end }
    : { message: `unknown execution window type ${textOf(window['type'])}` };
}

type GoType = 'string' | 'bool' | 'ReviewTimeWindow' | 'map[string]string' | '[]string';

/** The first value that is of another type than its field. */
function findMistyped(body: JsonObject): BadRequest | null {
  const window = isJsonObject(body['time_window']) ? body['time_window'] : {};
  const configuration = isJsonObject(window['configuration']) ? window['configuration'] : {};
  const acknowledged = body['acknowledged_superseded_version_ids'];
  const fields: readonly (readonly [path: string, value: Json | undefined, type: GoType])[] = [
    ['status', body['status'], 'string'],
    ['time_window', body['time_window'], 'ReviewTimeWindow'],
    ['time_window.type', window['type'], 'string'],
    ['time_window.configuration', window['configuration'], 'map[string]string'],
    ...Object.entries(configuration).map(
      ([, value]) => ['time_window.configuration', value, 'string'] as const,
    ),
    ['force_review', body['force_review'], 'bool'],
    ['rejection_reason', body['rejection_reason'], 'string'],
    ['version_id', body['version_id'], 'string'],
    ['acknowledged_superseded_version_ids', acknowledged, '[]string'],
    ...(isList(acknowledged) ? acknowledged : []).map(
      (value) => ['acknowledged_superseded_version_ids', value, 'string'] as const,
    ),
  ];
  const wrong = fields.find(([, value, type]) => !isOfType(value ?? null, type));
  if (wrong === undefined) {
    return null;
  }
  const [path, value, type] = wrong;
  return {
    message: `json: cannot unmarshal ${kindOf(value)} into Go struct field ReviewRequest.${path} of type ${type}`,
  };
}

function isOfType(value: Json, type: GoType): boolean {
  if (value === null) {
    return true;
  }
  switch (type) {
    case 'string':
      return typeof value === 'string';
    case 'bool':
      return typeof value === 'boolean';
    case '[]string':
      return Array.isArray(value);
    case 'ReviewTimeWindow':
    case 'map[string]string':
      return isJsonObject(value);
  }
}

function kindOf(value: unknown): string {
  if (typeof value === 'boolean') {
    return 'bool';
  }
  return Array.isArray(value) ? 'array' : typeof value;
}

function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

function isGiven(value: Json | undefined): boolean {
  return value !== undefined && value !== null && value !== '';
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}
