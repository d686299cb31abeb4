import type { Dialect } from '../dialect.js';
import { door } from './door.js';
import { formError } from './form.js';
import { errorEnvelope } from './status.js';

/** Decisions that a trusted backend records for the reviewers it names (`/v2/workflow`). */
export const velt: Dialect = {
  name: 'velt',
  formError,
  errorBody: () => errorEnvelope,
  invalidStatus: 400,
  errorStatuses: [400, 401, 403, 404, 503],
  door,
};
