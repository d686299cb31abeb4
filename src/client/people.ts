import { Pages } from './pages.js';
import type { CreateToken, ListAudit, PutUser } from './requests.js';
import { path, type Transport } from './transport.js';
import type { AuditLine, NewToken, RemovedUser, StoredUser, Token, User } from './wire.js';

const MAX_PAGE = 200;
const MAX_AUDIT_PAGE = 500;

/** The part of the API that is about people. */
export type UsersClient = ReturnType<typeof usersClient>;

/** Makes the part of a client that is about people. */
export function usersClient(transport: Transport) {
  return {
    /** Stores a person, new or known; groups and roles replace what was known before. */
    put: (userId: string, user: PutUser): Promise<StoredUser> =>
      transport.send('PUT', path`/v1/users/${userId}`, user),

    /** Lists the people of the project by id. */
    list: (): Pages<User> => new Pages((page) => transport.get('/v1/users', page), MAX_PAGE),

    /** Removes a person: their tokens stop working at once, and their votes stay. */
    remove: (userId: string): Promise<RemovedUser> =>
      transport.send('DELETE', path`/v1/users/${userId}`),
  };
}

/** The part of the API that is about tokens. */
export type TokensClient = ReturnType<typeof tokensClient>;

/** Makes the part of a client that is about tokens. */
export function tokensClient(transport: Transport) {
  return {
    /** Makes a token for a person, or for a service with scopes; its secret is in the answer, and nowhere else. */
    create: (token: CreateToken): Promise<NewToken> => transport.send('POST', '/v1/tokens', token),

    /** Lists tokens, oldest first, without their secrets. */
    list: (): Pages<Token> => new Pages((page) => transport.get('/v1/tokens', page), MAX_PAGE),

    /** Ends a token at once; ending it again changes nothing. */
    revoke: (tokenId: string): Promise<{ readonly id: string; readonly revoked: true }> =>
      transport.send('DELETE', path`/v1/tokens/${tokenId}`),
  };
}

/** The part of the API that tells who did what. */
export type AuditClient = ReturnType<typeof auditClient>;

/** Makes the part of a client that tells who did what. */
export function auditClient(transport: Transport) {
  return {
    /** Lists who did what, oldest first; for admins and auditors. */
    list: (query: ListAudit = {}): Pages<AuditLine> =>
      new Pages((page) => transport.get('/v1/audit', { ...query, ...page }), MAX_AUDIT_PAGE),
  };
}
