import type { Dialect } from '../dialect.js';
import { errorBody } from './error-wire.js';
import { formError } from './form.js';

/** The present review API (`/v1/workflows/reviews…`), with its runs and steps. */
export const retab: Dialect = { name: 'retab', formError, errorBody };
