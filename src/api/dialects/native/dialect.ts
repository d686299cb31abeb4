import type { Dialect } from '../dialect.js';
import { formError } from '../retab/form.js';

/** Countersign's own routes, which complete the review API; their errors take its form. */
export const native: Dialect = { name: 'native', formError };
