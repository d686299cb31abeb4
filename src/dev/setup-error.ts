/**
 * A reason why the local stack cannot start, for the person who asked for it.
 *
 * The message is one sentence that says what happened and what to do about it; it is printed without a stack trace.
 * `details` are lines that help to find out more, such as the end of a server's log.
 */
export class SetupError extends Error {
  readonly details: readonly string[];

  constructor(message: string, options: { cause?: unknown; details?: readonly string[] } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'SetupError';
    this.details = options.details ?? [];
  }
}
