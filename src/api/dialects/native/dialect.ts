import type { Dialect } from '../dialect.js';
import { errorBody } from '../retab/error-wire.js';
import { formError } from '../retab/form.js';

/** Countersign's own routes, which complete the review API; their errors take its form. */
export const native: Dialect = { name: 'native', formError, errorBody };
