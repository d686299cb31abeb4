import type { Logger } from 'pino';
import type { Db } from '../store/database.js';
import { type Backlog, readBacklog } from '../store/outbox.js';
import { ping } from '../store/ping.js';

/** How long PostgreSQL may take to answer a question that costs it nothing. */
const PATIENCE_MS = 1_000;
/** How old the backlog may be that is shown. */
const BACKLOG_AGE_MS = 1_000;

/**
 * Whether PostgreSQL serves this process.
 *
 * `exhausted`: it answers, but every connection of this process is in use. `away`: it does not answer.
 */
export type StoreState = 'ok' | 'exhausted' | 'away';

/** What an orchestrator and a scrape ask, at a cost that depends neither on the backlog nor on who else asks. */
export type Readiness = {
  readonly askStore: () => Promise<StoreState>;
  /** What is owed, as of at most a second ago; null when PostgreSQL did not say so in time. */
  readonly backlog: () => Promise<Backlog | null>;
};

/**
 * Makes the answers of one process. Each question is with PostgreSQL once at a time, however many ask it.
 *
 * @param stores `db` is what requests are served from; `probe` has a connection that nobody else uses
 */
export function createReadiness(
  { db, probe }: { readonly db: Db; readonly probe: Db },
  logger: Pick<Logger, 'warn'>,
): Readiness {
  const askPool = oneAtATime(() => answers(db));
  const askAside = oneAtATime(() => answers(probe));
  const measure = oneAtATime(() => readBacklog(db));
  let known: { readonly backlog: Backlog; readonly at: number } | null = null;

  return {
    askStore: async () => {
      // A connection that was cut says so once; the next one is as good as any.
      for (let attempt = 1; attempt <= 2; attempt += 1) {
        const found = await inTime(askPool());
        if (found === 'late') {
          return (await inTime(askAside())) === true ? 'exhausted' : 'away';
        }
        if (found === true) {
          return 'ok';
        }
        logger.warn({ err: found }, 'PostgreSQL does not answer');
      }
      return 'away';
    },
    backlog: async () => {
      if (known !== null && performance.now() - known.at < BACKLOG_AGE_MS) {
        return known.backlog;
      }
      const measured = await inTime(
        measure().catch((error: unknown) => {
          logger.warn({ err: error }, 'the backlog could not be measured');
          return null;
        }),
      );
      if (measured === 'late' || measured === null) {
        return null;
      }
      known = { backlog: measured, at: performance.now() };
      return measured;
    },
  };
}

/** True, or the error with which the question came back. */
async function answers(db: Db): Promise<unknown> {
  return await ping(db).then(
    () => true,
    (error: unknown) => error,
  );
}

/** Whoever asks while the answer is on its way gets the same one. */
function oneAtATime<T>(ask: () => Promise<T>): () => Promise<T> {
  let asked: Promise<T> | null = null;
  return () => {
    asked ??= ask().finally(() => {
      asked = null;
    });
    return asked;
  };
}

/** Waits for an answer for a moment and no longer; the question itself goes on. */
async function inTime<T>(answer: Promise<T>): Promise<T | 'late'> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => {
      resolve('late');
    }, PATIENCE_MS);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
