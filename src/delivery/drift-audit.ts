import { removeOldChanges } from '../store/change-feed.js';
import type { Db } from '../store/database.js';
import { type RunCursor, withAuditLock } from '../store/drift.js';
import { removeOldSnapshots } from '../store/snapshots.js';
import { comparing, type Finding, isSafeUnattended, repair } from './doctor.js';
import {
  type Comparing,
  examineExecutions,
  examineRuns,
  examineStore,
  examineWorkers,
} from './examine.js';
import type { DeliveryLogger } from './sender.js';
import type { Temporal } from './temporal.js';

/** How often an installation audits that says nothing else. */
const EVERY_MS = 10 * 60_000;
/** A pass that has taken so long goes on at the next interval, where it has got to. */
const PASS_MS = 5 * 60_000;
/** Young enough to be on its way: an audit nobody asked for leaves it alone. */
const SETTLING_MS = 60_000;
const LINGER_MS = 2 * 60_000;
/** How long to look whether something was mended; the next pass looks again. */
const PATIENCE_MS = 5_000;
const LOGGED_AT_MOST = 100;

/** How many findings of each code a pass made. */
export type PassSummary = ReadonlyMap<Finding['code'], number>;

/** What an audit works with. */
export type AuditDependencies = {
  readonly db: Db;
  readonly temporal: Temporal;
  readonly logger: DeliveryLogger;
  /** Told after every pass, for metrics. */
  readonly onPass?: (summary: PassSummary) => void;
};

/** Audits that go on where the last one ended. */
export type DriftAudit = {
  /** Looks once; null where another instance does so at this moment. */
  pass(): Promise<PassSummary | null>;
  /** Has a pass that is under way end soon. */
  stop(): void;
};

/**
 * Makes an audit that looks for what acknowledgements cannot show: a Temporal restored from an older
 * backup, a vote without effect, a workflow that is gone.
 *
 * 1. One instance at a time, and none that has lost its lock.
 * 2. It mends what cannot change an outcome, finding by finding, and reports the rest for `doctor`: it
 *    never starts anything again.
 * 3. It remembers which run it looked at last, so that a pass may end before it is through.
 */
export function createDriftAudit(
  dependencies: AuditDependencies,
  about: Partial<Pick<Comparing, 'settlingMs' | 'lingerMs'>> & { readonly passMs?: number } = {},
): DriftAudit {
  const { db, temporal, logger, onPass } = dependencies;
  const { passMs = PASS_MS, ...times } = about;
  const compared = comparing(db, temporal, {
    settlingMs: SETTLING_MS,
    lingerMs: LINGER_MS,
    ...times,
  });
  let cursor: RunCursor | null = null;
  let isStopped = false;

  const look = async (checkHeld: () => Promise<void>): Promise<PassSummary> => {
    const counts = new Map<Finding['code'], number>();
    let logged = 0;
    const onFinding = async (finding: Finding): Promise<void> => {
      const { code, message, remedy } = finding;
      counts.set(code, (counts.get(code) ?? 0) + 1);
      logged += 1;
      if (logged <= LOGGED_AT_MOST) {
        logger.warn({ code }, message);
      }
      if (remedy !== null && isSafeUnattended(remedy)) {
        await checkHeld();
        const outcome = await repair(db, temporal, remedy, PATIENCE_MS).catch(
          (error: unknown) => error,
        );
        logger.info({ code, remedy, outcome }, 'the drift audit acted on what it found');
      }
    };
    const deadline = Date.now() + passMs;
    let pages = 0;
    const goesOn = async (): Promise<boolean> => {
      await checkHeld();
      return !isStopped;
    };
    await removeOldSnapshots(db);
    await removeOldChanges(db);
    cursor = await examineRuns(compared, cursor, onFinding, async (at) => {
      cursor = at;
      pages += 1;
      return (await goesOn()) && (pages === 1 || Date.now() < deadline);
    });
    if (cursor === null) {
      await examineExecutions(compared, onFinding, goesOn);
    }
    if (await goesOn()) {
      await examineStore(compared, onFinding);
      await examineWorkers(compared, onFinding);
    }
    if (logged > LOGGED_AT_MOST) {
      logger.warn(
        { findings: Object.fromEntries(counts) },
        'there is more: see countersign doctor',
      );
    }
    return counts;
  };

  return {
    pass: async () => {
      let summary: PassSummary | null = null;
      await withAuditLock(db, async (checkHeld) => {
        summary = await look(checkHeld);
        onPass?.(summary);
      });
      return summary;
    },
    stop: () => {
      isStopped = true;
    },
  };
}

/**
 * Audits again and again, in one of all instances at a time.
 *
 * @param everyMs how often; by default every ten minutes
 * @returns ends the audits, once a pass that is under way has ended
 */
export function startDriftAudit(
  dependencies: AuditDependencies,
  everyMs: number = EVERY_MS,
): () => Promise<void> {
  const audit = createDriftAudit(dependencies);
  let underWay: Promise<void> = Promise.resolve();
  let isUnderWay = false;
  const timer = setInterval(() => {
    if (isUnderWay) {
      return;
    }
    isUnderWay = true;
    underWay = audit
      .pass()
      .then(
        () => {},
        (error: unknown) => {
          dependencies.logger.warn(
            { err: error },
            'the drift audit could not look; it goes on later',
          );
        },
      )
      .finally(() => {
        isUnderWay = false;
      });
  }, everyMs);
  timer.unref();
  return async () => {
    clearInterval(timer);
    audit.stop();
    await underWay;
  };
}
