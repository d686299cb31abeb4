import type { Answer } from '../answer.js';
import type { ApiError } from '../errors.js';

/** One wire contract: its name in the facts and the audit, and the form of its errors. */
export type Dialect = {
  readonly name: 'native' | 'retab' | 'overlay' | 'hoop' | 'velt';
  /** Gives an error the dialect's own form; total, so that no error is ever sent in another one. */
  readonly formError: (error: ApiError) => Answer;
};
