import type { Role } from '../../domain/people.js';

/** How people sign in by OpenID Connect. */
export type OidcSettings = {
  readonly issuer: URL;
  /** Needed to sign in by a browser; null where only tokens are verified. */
  readonly clientId: string | null;
  /** Null for a public client, which proves itself by PKCE alone. */
  readonly clientSecret: string | null;
  /** What is asked for when somebody signs in, as OpenID Connect writes it: words with spaces between, `openid` among them. */
  readonly scopes: string;
  /** Whom an access token has to be for; null where none is taken. */
  readonly audience: string | null;
  readonly idClaim: string;
  readonly groupsClaim: string;
  /** The role that a value of the groups claim gives; a group gives none by its name. */
  readonly roleMap: Readonly<Record<string, Role>>;
};
