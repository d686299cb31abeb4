import type { IncomingHttpHeaders } from 'node:http';
import { type ApiError, forbidden } from '../errors.js';

/**
 * Why a request that a browser sends by itself may change nothing here; null when it may.
 *
 * A cookie comes along whichever page sent the request. So a page of our own has to show itself: by a
 * header that other sites cannot add, and by where the browser says that the request is from.
 */
export function refuseForeignRequest(
  method: string,
  headers: IncomingHttpHeaders,
  publicUrl: URL | null,
): ApiError | null {
  if (method === 'GET' || method === 'HEAD') {
    return null;
  }
  if (headers['x-countersign-csrf'] !== '1') {
    return forbidden(
      'A request by session cookie that changes something needs the header x-countersign-csrf: 1; send it, or send a token.',
    );
  }
  const site = headers['sec-fetch-site'];
  if (site === 'same-origin' || site === 'none' || isOurOrigin(headers, publicUrl)) {
    return null;
  }
  return forbidden(
    'This request does not come from a page of this server: open the inbox at its own address (COUNTERSIGN_PUBLIC_URL), or send a token.',
  );
}

function isOurOrigin({ origin, host }: IncomingHttpHeaders, publicUrl: URL | null): boolean {
  if (origin === undefined) {
    return false;
  }
  return publicUrl === null
    ? origin === `http://${host}` || origin === `https://${host}`
    : origin === publicUrl.origin;
}
