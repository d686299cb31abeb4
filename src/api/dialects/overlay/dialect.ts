import type { Dialect } from '../dialect.js';
import { errorBody, formError } from './form.js';

/** The older overlay API (`/v1/workflows/reviews/{run_id}/{block_id}…`). */
export const overlay: Dialect = { name: 'overlay', formError, errorBody };
