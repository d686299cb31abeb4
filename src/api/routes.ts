import { HOOP_ROUTES } from './dialects/hoop.js';
import { NATIVE_REVIEW_ROUTES, NATIVE_ROUTES } from './dialects/native.js';
import { OVERLAY_ROUTES } from './dialects/overlay.js';
import { RETAB_ROUTES } from './dialects/retab.js';
import { VELT_ROUTES } from './dialects/velt.js';
import { HEALTH_ROUTES } from './health.js';

/**
 * Every route, in the order in which paths are tried.
 *
 * Under `/v1/workflows/reviews/` the literal `versions` comes first, then whatever begins with
 * `rev_`, then the contract that addresses reviews by two free segments. NATIVE_ROUTES come last of
 * these: their `/v1/workflows/{workflow_id}` matches any single segment. `/api/` and
 * `/v2/workflow/` are each a contract's own.
 */
export const ROUTES = [
  ...HEALTH_ROUTES,
  ...RETAB_ROUTES,
  ...NATIVE_REVIEW_ROUTES,
  ...OVERLAY_ROUTES,
  ...NATIVE_ROUTES,
  ...HOOP_ROUTES,
  ...VELT_ROUTES,
] as const;

export type ServedRoute = (typeof ROUTES)[number];
export type GuardedRouteId = Extract<ServedRoute, { readonly access: 'guarded' }>['id'];
export type PublicRouteId = Extract<ServedRoute, { readonly access: 'public' }>['id'];
