import { REVIEW_ROUTES } from './retab/review-routes.js';
import { RUN_ROUTES } from './retab/run-routes.js';
import { STEP_ROUTES } from './retab/step-routes.js';
import { VERSION_ROUTES } from './retab/version-routes.js';

export { retab } from './retab/dialect.js';

/** The routes of the present review API: literal segments before those that begin with an id. */
export const RETAB_ROUTES = [
  ...VERSION_ROUTES,
  ...REVIEW_ROUTES,
  ...RUN_ROUTES,
  ...STEP_ROUTES,
] as const;
