import { z } from 'zod';
import type { OidcSettings } from '../api/sign-in/oidc-settings.js';
import { ROLES } from '../domain/people.js';
import { ConfigError, type Environment } from './config.js';

const roleMap = z.record(z.string(), z.enum(ROLES));

/**
 * Reads how people sign in by OpenID Connect; null where no issuer is configured.
 *
 * @throws ConfigError for the first value that cannot be used
 */
export function readOidcSettings(env: Environment): OidcSettings | null {
  const issuer = env['OIDC_ISSUER'] ?? '';
  if (issuer === '') {
    return null;
  }
  return {
    issuer: issuerUrl(issuer),
    clientId: env['OIDC_CLIENT_ID'] || null,
    clientSecret: env['OIDC_CLIENT_SECRET'] || null,
    scopes: readScopes(env['OIDC_SCOPES'] || 'openid profile email'),
    audience: env['OIDC_AUDIENCE'] || null,
    idClaim: env['OIDC_ID_CLAIM'] || 'sub',
    groupsClaim: env['OIDC_GROUPS_CLAIM'] || 'groups',
    roleMap: readRoleMap(env['OIDC_ROLE_MAP'] || '{}'),
  };
}

function issuerUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isLoopback =
    url !== null && /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback)) {
    return url;
  }
  throw new ConfigError(
    `OIDC_ISSUER is '${text}': it must be an https URL (http only on this machine).`,
  );
}

function readScopes(text: string): string {
  const scopes = text.split(/\s+/).filter((word) => word !== '');
  if (!scopes.includes('openid')) {
    throw new ConfigError(
      `OIDC_SCOPES is '${text}': it must have openid among its words, such as "openid profile email groups".`,
    );
  }
  return scopes.join(' ');
}

function readRoleMap(text: string): OidcSettings['roleMap'] {
  const parsed = roleMap.safeParse(parseJson(text));
  if (!parsed.success) {
    throw new ConfigError(
      `OIDC_ROLE_MAP is '${text}': it must be a JSON object of claim values and roles such as {"gate-admins": "admin"}.`,
    );
  }
  return parsed.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
