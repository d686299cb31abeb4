import { createRemoteJWKSet, type JWTPayload, jwtVerify } from 'jose';
import {
  allowInsecureRequests,
  ClientSecretBasic,
  type Configuration,
  discovery,
  None,
} from 'openid-client';
import type { Logger } from 'pino';
import type { Database } from '../../store/database.js';
import { findActorFromDirectory } from '../../store/directory.js';
import type { CredentialVerifier } from '../authenticate.js';
import { unavailable } from '../errors.js';
import type { OidcSettings } from './oidc-settings.js';
import { personOfClaims } from './person-of-claims.js';

/** An OpenID provider, found when it is first needed: that it is away keeps nothing else from working. */
export type Oidc = {
  readonly settings: OidcSettings;
  readonly discover: () => Promise<Configuration>;
  /** Asks the provider anew: whoever is about to be led there is not led to one that is away. */
  readonly discoverAgain: () => Promise<Configuration>;
};

const TIMEOUT_S = 10;

/** Knows a provider by its settings; asks it nothing yet. */
export function createOidc(settings: OidcSettings): Oidc {
  let found: Promise<Configuration> | null = null;
  return {
    settings,
    discover: async () => {
      found ??= discover(settings).catch((error: unknown) => {
        found = null;
        throw error;
      });
      return await found;
    },
    discoverAgain: async () => {
      const configuration = await discover(settings);
      found = Promise.resolve(configuration);
      return configuration;
    },
  };
}

async function discover({ issuer, clientId, clientSecret }: OidcSettings): Promise<Configuration> {
  return await discovery(
    issuer,
    clientId ?? 'countersign',
    undefined,
    clientSecret === null ? None() : ClientSecretBasic(clientSecret),
    {
      timeout: TIMEOUT_S,
      // The settings allow http on this machine only.
      execute: issuer.protocol === 'http:' ? [allowInsecureRequests] : [],
    },
  );
}

/** Signatures by keys that the issuer publishes: never `none`, and no shared secret. */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
];

/** Knows the access tokens that the provider signs for us (JWT). */
export function issuedTokens(
  store: Pick<Database, 'db' | 'reads'>,
  oidc: Oidc,
  logger: Logger,
): CredentialVerifier {
  let keys: ReturnType<typeof createRemoteJWKSet> | null = null;
  return async (credential) => {
    const { audience } = oidc.settings;
    if (audience === null || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(credential)) {
      return null;
    }
    let claims: JWTPayload;
    try {
      const { issuer, jwks_uri: jwksUri } = (await oidc.discover()).serverMetadata();
      keys ??= createRemoteJWKSet(new URL(jwksUri ?? ''));
      const verified = await jwtVerify(credential, keys, {
        issuer,
        audience,
        algorithms: ALGORITHMS,
        requiredClaims: ['exp'],
      });
      claims = verified.payload;
    } catch (error) {
      if (isOfToken(error)) {
        return null;
      }
      logger.warn({ err: error }, 'a token could not be verified with the OpenID provider');
      return unavailable('the OpenID provider');
    }
    const person = personOfClaims(claims, oidc.settings);
    return person === null ? null : await findActorFromDirectory(store, person);
  };
}

/** Whether an error says something of the token, and not of who could not be asked about it. */
function isOfToken(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return /^ERR_(?:JWT|JWS|JOSE_ALG|JOSE_NOT|JWKS_NO|JWKS_MULTIPLE)/.test(code);
}
