import type { IncomingHttpHeaders } from 'node:http';
import { MAX_SESSION_DAYS } from '../../store/sign-ins.js';

const NAME = 'countersign_session';

/** The cookie of sessions; behind https its prefix keeps other hosts of the domain from setting it. */
function nameOf(publicUrl: URL | null): string {
  return isSecure(publicUrl) ? `__Host-${NAME}` : NAME;
}

/** The secret that the session cookie of a request carries; null where there is none. */
export function readSessionCookie(
  headers: IncomingHttpHeaders,
  publicUrl: URL | null,
): string | null {
  return readCookie(headers, nameOf(publicUrl));
}

/** The value that a request's cookie has; null where there is no such cookie. */
export function readCookie({ cookie }: IncomingHttpHeaders, name: string): string | null {
  const pairs = (cookie ?? '').split(';').map((pair) => pair.trim());
  const value = pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
  return value === undefined || value === '' ? null : value;
}

/** The header that gives a browser its session. */
export function setSessionCookie(secret: string, publicUrl: URL | null): string {
  return writeCookie(nameOf(publicUrl), secret, {
    path: '/',
    maxAgeSeconds: MAX_SESSION_DAYS * 86_400,
    isSecure: isSecure(publicUrl),
  });
}

/** The header that takes a browser's session away. */
export function clearSessionCookie(publicUrl: URL | null): string {
  const about = { path: '/', maxAgeSeconds: 0, isSecure: isSecure(publicUrl) };
  return writeCookie(nameOf(publicUrl), '', about);
}

/** A cookie that no script reads, and that other sites' requests carry only when they lead here. */
export function writeCookie(
  name: string,
  value: string,
  about: { readonly path: string; readonly maxAgeSeconds: number; readonly isSecure: boolean },
): string {
  const secure = about.isSecure ? '; Secure' : '';
  return `${name}=${value}; Path=${about.path}; Max-Age=${about.maxAgeSeconds}; HttpOnly; SameSite=Lax${secure}`;
}

/** Whether browsers reach the server by https only. */
export function isSecure(publicUrl: URL | null): boolean {
  return publicUrl?.protocol === 'https:';
}
