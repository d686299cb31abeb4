import { ConnectionError } from './errors.js';
import { readApiError } from './read-error.js';

/** An answer as it came. */
export type Received = {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
};

/**
 * What an answer says, or throws the error that it is.
 *
 * @param server the server's address, as messages name it
 */
export function readAnswer(server: string, { status, headers, body }: Received): unknown {
  if (status >= 300 && status < 400) {
    const target = headers.get('location') ?? 'another address';
    throw new ConnectionError(
      server,
      `${server} sends its callers on to ${target}: use the address of the server itself.`,
    );
  }
  if (status >= 400) {
    throw readApiError({ status, body, requestId: headers.get('x-request-id') });
  }
  try {
    const value: unknown = JSON.parse(body);
    return value;
  } catch (error) {
    throw new ConnectionError(
      server,
      `What answers at ${server} is not a Countersign server (no JSON came back): check the URL.`,
      { cause: error },
    );
  }
}
