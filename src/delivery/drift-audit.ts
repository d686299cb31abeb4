import type { Db } from '../store/database.js';
import { withAuditLock } from '../store/drift.js';
import { removeOldSnapshots } from '../store/snapshots.js';
import { diagnose, isSafeUnattended, repair } from './doctor.js';
import type { DeliveryLogger } from './sender.js';
import type { Temporal } from './temporal.js';

const EVERY_MS = 10 * 60_000;
/** Young enough to be on its way: an audit nobody asked for leaves it alone. */
const SETTLING_MS = 60_000;

/**
 * Looks every ten minutes for what acknowledgements cannot show: a Temporal restored from an older
 * backup, a vote without effect, a workflow that is gone.
 *
 * One instance at a time. It mends what cannot change an outcome and reports the rest for `doctor`.
 *
 * @returns ends the audits
 */
export function startDriftAudit(
  dependencies: { readonly db: Db; readonly temporal: Temporal; readonly logger: DeliveryLogger },
  onFindings: (count: number) => void = () => {},
): () => void {
  const { db, temporal, logger } = dependencies;
  const audit = async (): Promise<void> => {
    await removeOldSnapshots(db);
    const findings = await diagnose(db, temporal, SETTLING_MS);
    onFindings(findings.length);
    for (const { code, message, remedy } of findings) {
      logger.warn({ code }, message);
      if (remedy !== null && isSafeUnattended(remedy)) {
        await repair(db, temporal, remedy);
      }
    }
  };
  const timer = setInterval(() => {
    withAuditLock(db, audit).catch((error: unknown) => {
      logger.warn({ err: error }, 'the drift audit could not look; it tries again later');
    });
  }, EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}
