import type { Dialect } from '../dialect.js';
import { errorBody, formErrorWith } from './form.js';

/** Group approvals before an execution (`/api/reviews`, `/api/sessions`), where it reads. */
export const hoop = door('resource not found');

/** The same where it decides. */
export const deciding = door('failed updating review status: review not found');

/** The same where it executes. */
export const executing = door('reviewed session not found');

/** The same where it reads a session. */
export const session = door('session not found');

/** This contract names what is missing in other words at every door. */
function door(notFoundMessage: string): Dialect {
  const formError = formErrorWith(notFoundMessage);
  return { name: 'hoop', formError, errorBody, invalidStatus: 400 };
}
