import { ConnectionError } from './errors.js';

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the connection was cut',
  UND_ERR_SOCKET: 'the connection was cut',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the host name could not be looked up',
  ETIMEDOUT: 'it does not answer',
  UND_ERR_CONNECT_TIMEOUT: 'it does not answer',
  EHOSTUNREACH: 'no way leads there',
  ENETUNREACH: 'no way leads there',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by itself',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak https',
};

/** The error of a request that got no answer, with the reason as far as the platform tells it. */
export function connectionError(url: string, error: unknown): ConnectionError {
  return new ConnectionError(
    url,
    `No answer from ${url} (${reasonOf(error)}): check that the server runs (\`countersign up\` starts one) and that the URL is its own.`,
    { cause: error },
  );
}

/** The error of a request that was not answered in time. */
export function timeoutError(url: string, timeoutMs: number, error: unknown): ConnectionError {
  return new ConnectionError(
    url,
    `No answer from ${url} within ${timeoutMs / 1_000} s: check that the server is well (${url}/readyz), then try again.`,
    { cause: error },
  );
}

/** `fetch` hides what went wrong in the causes of a general error, sometimes several at once. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) {
    return String(error);
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : null;
  const known = code === null ? undefined : REASONS[code];
  if (known !== undefined) {
    return known;
  }
  const inner: unknown = error instanceof AggregateError ? error.errors[0] : error.cause;
  return inner instanceof Error ? reasonOf(inner) : error.message;
}
