import { ApiError, ConnectionError } from '../../client/index.js';
import { CommandError } from '../commands/command-error.js';
import { ConfigError } from '../config.js';
import { printable } from './printable.js';

/** An error as it is told: lines for people, the first of which is a sentence, and a document for programs. */
export type DescribedError = {
  readonly lines: readonly string[];
  readonly document: {
    readonly code: string;
    readonly message: string;
    readonly [fact: string]: unknown;
  };
};

/**
 * Describes whatever went wrong while a server was asked.
 *
 * @param access the server that was asked, or null when it did not come to that
 */
export function describeError(
  error: unknown,
  access: { readonly url: string; readonly tokenSource: string } | null,
): DescribedError {
  if (error instanceof ApiError) {
    const { status, code, message, details, problems, requestId } = error;
    return {
      lines: [...apiLines(error), ...apiHint(error, access)],
      document: { code, message, status, details, problems, request_id: requestId },
    };
  }
  if (error instanceof ConnectionError) {
    const { lines, document } = plain('no_connection', error.message);
    return { lines: [...lines, 'Set COUNTERSIGN_URL to ask another server.'], document };
  }
  if (error instanceof CommandError || error instanceof ConfigError) {
    return plain('not_possible', error.message);
  }
  const bug = error instanceof Error ? error : new Error(String(error));
  return {
    lines: [`This should not have happened: ${bug.stack ?? bug.message}`],
    document: { code: 'unexpected', message: bug.message },
  };
}

function plain(code: string, message: string): DescribedError {
  return { lines: [printable(message)], document: { code, message } };
}

/** One problem a line, with the path to it. */
function apiLines({ message, problems }: ApiError): readonly string[] {
  return problems.length === 0
    ? [printable(message)]
    : [
        problems.length === 1
          ? 'The request is not valid; change this and try again:'
          : 'The request is not valid; change these and try again:',
        ...problems.map((problem) =>
          printable(
            problem.path === '' ? `  ${problem.message}` : `  ${problem.path}: ${problem.message}`,
          ),
        ),
      ];
}

function apiHint(
  { status, requestId }: ApiError,
  access: { readonly url: string; readonly tokenSource: string } | null,
): readonly string[] {
  if (status === 401 && access !== null) {
    return [`The token came from ${access.tokenSource}, and the server is ${access.url}.`];
  }
  return status >= 500 && requestId !== null
    ? [`The request id, for the server's log: ${printable(requestId)}`]
    : [];
}
