import { readBacklog, type Backlog } from '../store/outbox.js';
import type { AppDeps } from './deps.js';

const PATIENCE_MS = 2_000;

/** The backlog, which also says that PostgreSQL answers; null when it does not, in time. */
export async function tryReadBacklog({ db, logger }: AppDeps): Promise<Backlog | null> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<null>((resolve) => {
    timer = setTimeout(() => {
      resolve(null);
    }, PATIENCE_MS);
  });
  const backlog = readBacklog(db).catch((error: unknown) => {
    logger.warn({ err: error }, 'PostgreSQL does not answer');
    return null;
  });
  try {
    return await Promise.race([backlog, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
