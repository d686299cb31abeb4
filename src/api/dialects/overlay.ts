import { decide } from './overlay/decision-route.js';
import { HOLD_ROUTES } from './overlay/hold-routes.js';
import { QUEUE_ROUTES } from './overlay/queue-routes.js';
import { addVersion } from './overlay/version-route.js';

/** The routes of the older overlay API; its queue shares a path with the present API's list. */
export const OVERLAY_ROUTES = [...QUEUE_ROUTES, decide, addVersion, ...HOLD_ROUTES] as const;
