import type { IncomingHttpHeaders } from 'node:http';
import type { Actor } from '../store/actors.js';
import { BoundedCache } from '../rules/bounded-cache.js';
import type { Db } from '../store/database.js';
import { hashSecret } from '../store/secrets.js';
import { findActorBySecret } from '../store/tokens.js';
import { findActorBySession } from '../store/sign-ins.js';
import type { ApiError } from './errors.js';
import { refuseForeignRequest } from './sign-in/same-origin.js';
import { readSessionCookie } from './sign-in/session-cookie.js';

/**
 * Says whose a credential is, null when it is not one of those it knows, or the error where that cannot be told.
 *
 * Verifiers are asked in turn: a further kind of credential is one more of them.
 */
export type CredentialVerifier = (credential: string) => Promise<Actor | ApiError | null>;

/** Knows the tokens that the store has issued. */
export function storedTokens(reads: Db): CredentialVerifier {
  return (credential) => findActorBySecret(reads, credential);
}

/** Tokens whose owners are remembered, each by its hash. */
const REMEMBERED = 1_000;

/**
 * Who showed a token lately, for requests that read their caller again before anything comes of them.
 *
 * It saves them a round trip, and rules on nothing: a token that was revoked meanwhile is found out under
 * the lock, and whatever is refused is refused to somebody who was looked up.
 */
export class RememberedCallers {
  readonly #callers = new BoundedCache<string, { actor: Actor | null }>(REMEMBERED);

  recall(token: string): Actor | null {
    return this.#of(token).actor;
  }

  remember(token: string, actor: Actor | null): void {
    this.#of(token).actor = actor;
  }

  #of(token: string): { actor: Actor | null } {
    return this.#callers.getOrMake(hashSecret(token), () => ({ actor: null }));
  }
}

/** What of a request says who sent it. */
export type Credentials = {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
};

/** How callers are known. */
export type Authentication = {
  /** Where sessions and tokens are looked up. */
  readonly reads: Db;
  readonly verifiers: readonly CredentialVerifier[];
  readonly remembered: RememberedCallers;
  /** Where browsers find this server, if that is configured. */
  readonly publicUrl: URL | null;
};

type Credential = { readonly value: string; readonly header: 'authorization' | 'api-key' };

/** The credential of a request, or why there is none: two headers may carry it, and must agree. */
function readCredential(headers: IncomingHttpHeaders): Credential | ApiError {
  const { authorization } = headers;
  const header = headers['api-key'];
  const apiKey = Array.isArray(header) ? header.join(', ') : header;
  if (authorization === undefined && apiKey === undefined) {
    return unauthenticated(
      'This request carries no credential: send a token as `Authorization: Bearer <token>`.',
    );
  }
  const bearer = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
  if (authorization !== undefined && bearer === undefined) {
    return unauthenticated(
      'The Authorization header is not of the form `Bearer <token>`: send the token that way.',
    );
  }
  if (bearer !== undefined && apiKey !== undefined && bearer !== apiKey) {
    return unauthenticated(
      'Authorization and Api-Key carry different tokens: send one of them, or the same in both.',
    );
  }
  if (bearer !== undefined) {
    return { value: bearer, header: 'authorization' };
  }
  return apiKey === undefined || apiKey === ''
    ? unauthenticated('The Api-Key header is empty: send a token.', 'api-key')
    : { value: apiKey, header: 'api-key' };
}

/** Who sent a request, by what is remembered of an earlier one; null where they have to be looked up. */
export function recallCaller(
  { headers }: Credentials,
  { remembered }: Authentication,
): Actor | null {
  const credential = readCredential(headers);
  return 'kind' in credential ? null : remembered.recall(credential.value);
}

/**
 * Whose credential a request carries, or the error that says why nobody's.
 *
 * A token that is sent wins, and the session cookie is not looked at then.
 */
export async function authenticate(
  request: Credentials,
  authentication: Authentication,
): Promise<Actor | ApiError> {
  const { headers } = request;
  if (headers.authorization === undefined && headers['api-key'] === undefined) {
    const secret = readSessionCookie(headers, authentication.publicUrl);
    if (secret !== null) {
      return await readSession(request, secret, authentication);
    }
  }
  const credential = readCredential(headers);
  if ('kind' in credential) {
    return credential;
  }
  for (const verify of authentication.verifiers) {
    const known = await verify(credential.value);
    if (known !== null) {
      // What the store does not keep it cannot read again.
      const isKept = !('code' in known) && known.tokenId !== null;
      authentication.remembered.remember(credential.value, isKept ? known : null);
      return known;
    }
  }
  authentication.remembered.remember(credential.value, null);
  return unauthenticated(
    'This token is unknown or has been revoked: ask an admin for a new one (`countersign token`).',
    credential.header,
  );
}

/** Whose session a cookie is for; what changes something has to come from a page of our own. */
async function readSession(
  { method, headers }: Credentials,
  secret: string,
  { reads, publicUrl }: Authentication,
): Promise<Actor | ApiError> {
  return (
    refuseForeignRequest(method, headers, publicUrl) ??
    (await findActorBySession(reads, secret)) ??
    unauthenticated('Your session has ended: sign in again.')
  );
}

function unauthenticated(
  message: string,
  header: Credential['header'] = 'authorization',
): ApiError {
  return { kind: 'error', code: 'unauthenticated', message, header };
}
