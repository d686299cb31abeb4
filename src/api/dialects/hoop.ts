import { REVIEW_ROUTES } from './hoop/review-routes.js';
import { SESSION_ROUTES } from './hoop/session-routes.js';

export { hoop } from './hoop/dialect.js';

/** The routes of the contract for group approvals before an execution. */
export const HOOP_ROUTES = [...REVIEW_ROUTES, ...SESSION_ROUTES] as const;
