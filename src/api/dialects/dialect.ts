import type { IncomingHttpHeaders } from 'node:http';
import type { z } from 'zod';
import type { Actor } from '../../store/actors.js';
import type { Db } from '../../store/database.js';
import type { Answer } from '../answer.js';
import type { ApiError } from '../errors.js';

/** One wire contract: its name in the facts and the audit, and the form of its errors. */
export type Dialect = {
  readonly name: 'native' | 'retab' | 'overlay' | 'hoop' | 'velt';
  /** Gives an error the dialect's own form; total, so that no error is ever sent in another one. */
  readonly formError: (error: ApiError) => Answer;
  /** The body that its errors of a status have, for the OpenAPI document. */
  readonly errorBody: (status: number) => z.ZodType;
  /** The status of a malformed request, where it is not 422. */
  readonly invalidStatus?: 400;
  /** Every status that its errors have, where they are not those of the other contracts. */
  readonly errorStatuses?: readonly number[];
  /** Its own way in, where it is not one token in `Authorization` or `Api-Key`. */
  readonly door?: Door;
};

/** How a contract with credentials of its own lets somebody in. */
export type Door = {
  /** What is wrong with the outer form of a body: this is told before anybody is asked who they are. */
  readonly checkEnvelope: (body: unknown) => ApiError | null;
  /** Whose credentials a request carries, or the error that says why nobody's. */
  readonly authenticate: (headers: IncomingHttpHeaders, db: Db) => Promise<Actor | ApiError>;
  /** The security schemes of the OpenAPI document that a request needs together. */
  readonly credentials: readonly string[];
};
