import { createHash, randomBytes } from 'node:crypto';

/** A secret that nobody can guess: 32 random bytes, as text for headers and addresses. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** What is stored of a secret: its SHA-256, since a slow hash would only slow down every request. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret, 'utf8').digest('hex');
}
