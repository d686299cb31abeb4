import { cancel } from './velt/cancel-route.js';
import { get } from './velt/execution-route.js';
import { recordDecision } from './velt/decision-route.js';
import { resolve } from './velt/resolve-route.js';
import { UNIMPLEMENTED_ROUTES } from './velt/unimplemented.js';

export { velt } from './velt/dialect.js';

/** The routes of the contract in which a backend decides for the reviewers it names. */
export const VELT_ROUTES = [recordDecision, resolve, get, cancel, ...UNIMPLEMENTED_ROUTES] as const;
