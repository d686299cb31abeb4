import type { IncomingHttpHeaders } from 'node:http';
import type { Actor } from '../store/actors.js';
import type { Db } from '../store/database.js';
import { findActorBySecret } from '../store/tokens.js';
import type { ApiError } from './errors.js';

/**
 * Says whose a credential is, or null when it is not one of those it knows.
 *
 * Verifiers are asked in turn: a further kind of credential is one more of them.
 */
export type CredentialVerifier = (credential: string) => Promise<Actor | null>;

/** Knows the tokens that the store has issued. */
export function storedTokens(db: Db): CredentialVerifier {
  return (credential) => findActorBySecret(db, credential);
}

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

/** Whose credential a request carries, or the error that says why nobody's. */
export async function authenticate(
  headers: IncomingHttpHeaders,
  verifiers: readonly CredentialVerifier[],
): Promise<Actor | ApiError> {
  const credential = readCredential(headers);
  if ('kind' in credential) {
    return credential;
  }
  for (const verify of verifiers) {
    const actor = await verify(credential.value);
    if (actor !== null) {
      return actor;
    }
  }
  return unauthenticated(
    'This token is unknown or has been revoked: ask an admin for a new one (`countersign token`).',
    credential.header,
  );
}

function unauthenticated(
  message: string,
  header: Credential['header'] = 'authorization',
): ApiError {
  return { kind: 'error', code: 'unauthenticated', message, header };
}
