import { createHmac } from 'node:crypto';

/** The keys that sign with one secret: several while it is being exchanged. */
export type SigningKeys = readonly Uint8Array[];

/** The environment variable that holds the secret of a name. */
export function secretVariable(name: string): string {
  return `${SECRET_PREFIX}${name.toUpperCase().replaceAll('-', '_')}`;
}

/** What the variables of secrets begin with. */
export const SECRET_PREFIX = 'COUNTERSIGN_SECRET_';

const MIN_KEY_BYTES = 24;
const MAX_KEY_BYTES = 64;

/** Reads a secret as Standard Webhooks writes it, or several with blanks between them; null if it is none. */
export function parseSecret(text: string): SigningKeys | null {
  const keys = text
    .trim()
    .split(/\s+/)
    .map((part) => /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(part)?.[1] ?? '')
    .map((base64) => Buffer.from(base64, 'base64'));
  return keys.every(({ length }) => length >= MIN_KEY_BYTES && length <= MAX_KEY_BYTES)
    ? keys
    : null;
}

/**
 * The headers that Standard Webhooks asks for: who sent which message when.
 *
 * @param id names the message, the same however often it is sent
 * @param timestamp seconds since 1970
 */
export function signatureHeaders(
  keys: SigningKeys,
  id: string,
  timestamp: number,
  body: string,
): Readonly<Record<string, string>> {
  const signatures = keys.map((key) => {
    const hmac = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body);
    return `v1,${hmac.digest('base64')}`;
  });
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    ...(signatures.length === 0 ? {} : { 'webhook-signature': signatures.join(' ') }),
  };
}
