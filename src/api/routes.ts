import { NATIVE_REVIEW_ROUTES, NATIVE_ROUTES } from './dialects/native.js';
import { RETAB_ROUTES } from './dialects/retab.js';
import { HEALTH_ROUTES } from './health.js';

/**
 * Every route, in the order in which paths are tried.
 *
 * Under `/v1/workflows/reviews/` the literal `versions` comes first, then whatever begins with
 * `rev_`. A contract that addresses reviews by two free segments goes after NATIVE_REVIEW_ROUTES,
 * and before NATIVE_ROUTES, whose `/v1/workflows/{workflow_id}` matches any single segment.
 */
export const ROUTES = [
  ...HEALTH_ROUTES,
  ...RETAB_ROUTES,
  ...NATIVE_REVIEW_ROUTES,
  ...NATIVE_ROUTES,
] as const;

export type ServedRoute = (typeof ROUTES)[number];
export type GuardedRouteId = Extract<ServedRoute, { readonly access: 'guarded' }>['id'];
export type PublicRouteId = Extract<ServedRoute, { readonly access: 'public' }>['id'];
