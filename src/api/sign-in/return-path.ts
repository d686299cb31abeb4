/** Where to lead somebody who has signed in: a path of this server, whatever was asked for. */
export function safeReturnPath(wanted: string | null): string {
  const base = 'http://here.invalid';
  if (wanted === null || !/^\/(?![/\\])/.test(wanted) || /[\\\p{Cc}]/u.test(wanted)) {
    return '/';
  }
  const url = URL.canParse(wanted, base) ? new URL(wanted, base) : null;
  // Dots may make two slashes of one: /.//evil.example is the path //evil.example.
  return url === null || url.origin !== base || url.pathname.startsWith('//')
    ? '/'
    : `${url.pathname}${url.search}`;
}
