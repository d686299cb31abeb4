import { path, type Transport } from './transport.js';
import type { Snapshot, StoredSnapshot } from './wire.js';

/** The part of the API that is about snapshots for reviews by reference. */
export type SnapshotsClient = ReturnType<typeof snapshotsClient>;

/** Makes the part of a client that is about snapshots. */
export function snapshotsClient(transport: Transport) {
  return {
    /**
     * Stores a snapshot of at most 8 MiB, and gives the id that `review({ snapshotRef })` takes.
     *
     * Sending it again is safe: the same content has the same id, and is kept for seven days from then.
     */
    put: (snapshot: object): Promise<StoredSnapshot> =>
      transport.send('POST', '/v1/snapshots', snapshot),

    /** Reads a stored snapshot. */
    get: (snapshotId: string): Promise<Snapshot> =>
      transport.get(path`/v1/snapshots/${snapshotId}`),
  };
}
