import type { Refusal } from '../domain/refusals.js';

/** One thing wrong with a request, and where: `loc` begins with `path`, `query` or `body`. */
export type InvalidInput = {
  readonly loc: readonly (string | number)[];
  readonly message: string;
  readonly type: string;
};

/** What a request can name in vain. */
export type Named =
  | 'review'
  | 'version'
  | 'run'
  | 'step'
  | 'workflow'
  | 'user'
  | 'token'
  | 'snapshot'
  | 'link'
  | 'page';

/** Why a request was not carried out, before a dialect gives it its form. */
export type ApiError = { readonly kind: 'error' } & (
  | {
      readonly code: 'unauthenticated';
      readonly message: string;
      /** The header that carried what is no credential; a missing one counts as the first. */
      readonly header: 'authorization' | 'api-key';
    }
  | { readonly code: 'forbidden'; readonly message: string }
  | { readonly code: 'invalid'; readonly problems: readonly InvalidInput[] }
  | { readonly code: 'not_found'; readonly what: Named; readonly message: string }
  | { readonly code: 'method_not_allowed'; readonly method: string; readonly allow: string }
  | { readonly code: 'unsupported_media_type'; readonly message: string }
  | {
      readonly code: 'too_large';
      readonly what: 'snapshot' | 'body';
      readonly message: string;
      readonly maxBytes: number;
    }
  | { readonly code: 'refused'; readonly refusals: readonly Refusal[] }
  | {
      readonly code: 'parent_conflict';
      readonly versionId: string;
      readonly existingParentId: string | null;
      readonly requestedParentId: string;
    }
  /** Well asked, and not possible as things stand; `reason` is the code that clients see. */
  | { readonly code: 'conflict'; readonly reason: string; readonly message: string }
  | { readonly code: 'unavailable' | 'busy'; readonly message: string }
  | { readonly code: 'internal'; readonly requestId: string }
);

/** Tells an error from whatever else a function gives. */
export function isApiError(value: object | null): value is ApiError {
  return value !== null && 'kind' in value && value.kind === 'error';
}

/** The error of a request that breaks its schema. */
export function invalid(...problems: readonly InvalidInput[]): ApiError {
  return { kind: 'error', code: 'invalid', problems };
}

/** The error of a value that is well-formed and still makes no sense. */
export function invalidValue(loc: readonly (string | number)[], message: string): ApiError {
  return invalid({ loc, message, type: 'value_error' });
}

/** The error of a request that names what this project does not have. */
export function notFound(what: Named, id: string): ApiError {
  const message =
    what === 'page'
      ? `Nothing is served at '${id}': see /docs for what is.`
      : `There is no ${what} '${id}' in this project: check the id, or list what there is.`;
  return { kind: 'error', code: 'not_found', what, message };
}

/** The error of what cannot be answered while somebody else is away; the sentence is the middle of a longer one in some forms. */
export function unavailable(
  who: 'the database' | 'the OpenID provider' = 'the database',
): ApiError {
  return {
    kind: 'error',
    code: 'unavailable',
    message: `${who} does not answer at the moment: send the request again in a few seconds`,
  };
}

/** The error of what somebody else holds, or what takes too long just now: nobody is away. */
export function busy(): ApiError {
  return {
    kind: 'error',
    code: 'busy',
    message:
      'the database is busy, or somebody else is at work on the same: send the request again in a few seconds',
  };
}

/** The message of an error as a sentence of its own. */
export function asSentence(message: string): string {
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}.`;
}

/** The error of a caller whose roles or scopes do not allow the route. */
export function forbidden(message: string): ApiError {
  return { kind: 'error', code: 'forbidden', message };
}

/** The error of what is not possible as things stand. */
export function conflicting(reason: string, message: string): ApiError {
  return { kind: 'error', code: 'conflict', reason, message };
}

/** What somebody is told whose credential ended, or who was removed, while the request waited its turn. */
export const SIGNED_OUT =
  'You were signed out or removed while this request waited its turn, and nothing was recorded: sign in again, or ask an admin for a new token.';

/** The error of a caller whose credential ended, or who was removed, while the request waited its turn. */
export function signedOut(): ApiError {
  return { kind: 'error', code: 'unauthenticated', message: SIGNED_OUT, header: 'authorization' };
}

/** The error of a command that the rules refused. */
export function refused(...refusals: readonly Refusal[]): ApiError {
  return { kind: 'error', code: 'refused', refusals };
}
