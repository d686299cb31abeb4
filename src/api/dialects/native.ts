import { AUDIT_ROUTES } from './native/audit-routes.js';
import { IDENTITY_ROUTES } from './native/identity-routes.js';
import { REVIEW_ROUTES } from './native/review-routes.js';
import { TOKEN_ROUTES } from './native/token-routes.js';
import { USER_ROUTES } from './native/user-routes.js';
import { WORKFLOW_ROUTES } from './native/workflow-routes.js';

/** Our own sub-resources of reviews; they stand with the review API's, before other contracts' paths. */
export const NATIVE_REVIEW_ROUTES = REVIEW_ROUTES;

/** The rest of our own routes. */
export const NATIVE_ROUTES = [
  ...WORKFLOW_ROUTES,
  ...USER_ROUTES,
  ...TOKEN_ROUTES,
  ...AUDIT_ROUTES,
  ...IDENTITY_ROUTES,
] as const;
