import { AUDIT_ROUTES } from './native/audit-routes.js';
import { IDENTITY_ROUTES } from './native/identity-routes.js';
import { OPERATIONS_ROUTES } from './native/operations-routes.js';
import { CONTEXT_ROUTES } from './native/review-context.js';
import { INBOX_ROUTES } from './native/inbox-routes.js';
import { LOOP_ROUTES } from './native/loop-routes.js';
import { RECOVERY_ROUTES } from './native/recovery-routes.js';
import { REVIEW_ROUTES } from './native/review-routes.js';
import { SESSION_ROUTES } from '../sign-in/session-routes.js';
import { SNAPSHOT_ROUTES } from './native/snapshot-routes.js';
import { TOKEN_ROUTES } from './native/token-routes.js';
import { USER_ROUTES } from './native/user-routes.js';
import { WORKFLOW_CHECK_ROUTES } from './native/workflow-check.js';
import { WORKFLOW_ROUTES } from './native/workflow-routes.js';

/** Our own sub-resources of reviews; they stand with the review API's, before other contracts' paths. */
export const NATIVE_REVIEW_ROUTES = [...REVIEW_ROUTES, ...CONTEXT_ROUTES] as const;

/** The rest of our own routes. */
export const NATIVE_ROUTES = [
  ...WORKFLOW_ROUTES,
  ...WORKFLOW_CHECK_ROUTES,
  ...SNAPSHOT_ROUTES,
  ...USER_ROUTES,
  ...TOKEN_ROUTES,
  ...AUDIT_ROUTES,
  ...INBOX_ROUTES,
  ...LOOP_ROUTES,
  ...RECOVERY_ROUTES,
  ...OPERATIONS_ROUTES,
  ...IDENTITY_ROUTES,
  ...SESSION_ROUTES,
] as const;
