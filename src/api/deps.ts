import type { Logger } from 'pino';
import type { Diagnosis } from '../delivery/doctor.js';
import type { ChangeHub } from './change-hub.js';
import type { Readiness } from './readiness.js';
import type { LeasedMessage } from '../store/outbox.js';
import type { Db } from '../store/database.js';
import type { RunTurns } from './run-turns.js';
import type { Oidc } from './sign-in/oidc.js';

/** What the API is built from; a test hands in fakes of the same types. */
export type AppDeps = {
  /** For what writes. Whoever only reads is given `reads` under this name, too. */
  readonly db: Db;
  /** For authentication and whatever else only reads: what waits for a lock takes none of its connections. */
  readonly reads: Db;
  /** Has requests that change the same run wait for one another. */
  readonly turns: RunTurns;
  /** Sends leased messages to Temporal within a short deadline, and gives the ids of those it has taken; it never throws. */
  readonly forward: (messages: readonly LeasedMessage[]) => Promise<ReadonlySet<string>>;
  /** How long a request alone may send what it has owed; after that any sender may. */
  readonly forwardLeaseMs: number;
  /** Whether Temporal answered last time; null before anybody has tried. */
  readonly temporalState: () => {
    readonly reachable: boolean | null;
    readonly since: string | null;
  };
  /** Says whether the store serves this process, and what is owed. */
  readonly readiness: Readiness;
  /** Compares the store with Temporal, for as long as a request may take; fails where Temporal does not answer. */
  readonly diagnose: () => Promise<Diagnosis>;
  /** Tells of what changes in the store. */
  readonly changes: ChangeHub;
  /** How long a request to execute waits for the outcome; 50 seconds unless told otherwise. */
  readonly execWaitMs?: number;
  /** How old a directory entry may be for a backend to vote in its name; of any age unless told otherwise. */
  readonly voteAsMaxAgeMs?: number | null;
  /** Where browsers find this server; where it is not known, by whatever name they use. */
  readonly publicUrl: URL | null;
  /** Where the built inbox is; null where none is served. */
  readonly webFolder: string | null;
  /** The OpenID provider by which people sign in; null where there is none. */
  readonly oidc: Oidc | null;
  readonly logger: Logger;
  readonly version: string;
  readonly temporalUiUrl: string | null;
  /** Where Temporal's UI shows a workflow; null where no UI is known. */
  readonly temporalUrlOf: (workflowId: string) => string | null;
};
