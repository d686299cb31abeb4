/** Where to go after signing in: a path of this site, whatever the address says. */
export function returnPath(search: string): string {
  const wanted = new URLSearchParams(search).get('return_to') ?? '/';
  return /^\/(?![/\\])/.test(wanted) && !wanted.startsWith('/signin') ? wanted : '/';
}
