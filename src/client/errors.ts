/** One thing that is wrong with a request: where (`body.blocks.0.id`), and what would be accepted. */
export type Problem = {
  readonly path: string;
  readonly message: string;
  readonly type: string;
};

/** Facts about an error, as the server gives them. */
type Details = Readonly<Record<string, unknown>>;

/**
 * An answer that is not a success: the server understood who asked for what, and says why not.
 *
 * `code` is stable and made for programs: a code of the API (`review_not_found`, `not_eligible`, …), `invalid`
 * for a request that breaks its schema (`problems` has one line for each thing wrong), or `http_502` and
 * the like where something in between answered. `requestId` is what an operator looks for in the log.
 */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly code: string;
  readonly details: Details;
  readonly problems: readonly Problem[];
  readonly requestId: string | null;

  constructor(facts: {
    readonly status: number;
    readonly code: string;
    readonly message: string;
    readonly details?: Details;
    readonly problems?: readonly Problem[];
    readonly requestId?: string | null;
  }) {
    super(facts.message);
    this.status = facts.status;
    this.code = facts.code;
    this.details = facts.details ?? {};
    this.problems = facts.problems ?? [];
    this.requestId = facts.requestId ?? null;
  }
}

/**
 * No answer of a Countersign server: nothing listens at the URL, it took too long, or something else answered.
 *
 * The message names the URL and says what to do. Whether a request that changes something was carried out is
 * not known then; sending it again is safe for votes, and for starts of runs that carry a `command_id`.
 */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
  /** Where the client looked for the server, without credentials. */
  readonly url: string;

  constructor(url: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.url = url;
  }
}
