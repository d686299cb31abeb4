import type { IncomingHttpHeaders } from 'node:http';
import type { Actor } from '../store/actors.js';
import type { Db } from '../store/database.js';
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
      return known;
    }
  }
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
