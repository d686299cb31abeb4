import { parseAllowList } from '../activities/http-guard.js';
import type { HttpSettings } from '../activities/http-executor.js';
import { parseSecret, SECRET_PREFIX, type SigningKeys } from '../activities/http-signature.js';
import { ConfigError, type Environment } from './config.js';

/**
 * Reads what `http` blocks may reach and sign with, once, when a worker starts.
 *
 * @throws ConfigError for the first value that cannot be used; it never quotes a secret
 */
export function readHttpSettings(env: Environment): HttpSettings {
  const allow = parseAllowList(env['COUNTERSIGN_HTTP_ALLOW'] ?? '');
  if ('wrong' in allow) {
    throw new ConfigError(
      `COUNTERSIGN_HTTP_ALLOW has '${allow.wrong}': it must be host names, host:port and networks such as 10.0.0.0/8, with commas between them.`,
    );
  }
  const secrets = new Map<string, SigningKeys>();
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith(SECRET_PREFIX) || value === undefined || value === '') {
      continue;
    }
    const keys = parseSecret(value);
    if (keys === null) {
      throw new ConfigError(
        `${name} is no secret: it must be whsec_ and the base64 of 24 to 64 bytes, or several of them with blanks between.`,
      );
    }
    secrets.set(name, keys);
  }
  return { allow, secrets };
}
