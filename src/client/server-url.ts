/**
 * Reads the address of a server, without a slash at its end; a path is kept, for a server behind one.
 *
 * @throws TypeError when it is not the URL of an HTTP server
 */
export function serverUrl(url: string): string {
  if (!URL.canParse(url)) {
    throw new TypeError(`'${url}' is not a URL: expected one such as http://127.0.0.1:8080.`);
  }
  const parsed = new URL(url);
  if (parsed.protocol !== 'http:' && parsed.protocol !== 'https:') {
    throw new TypeError(`'${url}' is not a URL that begins with http:// or https://.`);
  }
  if (parsed.username !== '' || parsed.password !== '') {
    throw new TypeError('The URL of the server carries a password: send a token instead.');
  }
  return parsed.origin + parsed.pathname.replace(/\/+$/, '');
}
