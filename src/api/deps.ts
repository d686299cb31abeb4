import type { Logger } from 'pino';
import type { Lease } from '../store/cancel-run.js';
import type { Db } from '../store/database.js';

/** What the API is built from; a test hands in fakes of the same types. */
export type AppDeps = {
  readonly db: Db;
  /** Sends leased messages to Temporal within a short deadline; it never throws. */
  readonly forward: (leases: readonly Lease[]) => Promise<void>;
  /** How long a request alone may send what it has owed; after that any sender may. */
  readonly forwardLeaseMs: number;
  /** Whether Temporal answered last time; null before anybody has tried. */
  readonly temporalState: () => {
    readonly reachable: boolean | null;
    readonly since: string | null;
  };
  readonly logger: Logger;
  readonly version: string;
  readonly temporalUiUrl: string | null;
};
