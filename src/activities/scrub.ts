import { ApplicationFailure } from '@temporalio/activity';
import { TemporalFailure } from '@temporalio/common';
import { NoResultError } from 'kysely';
import { sqlState } from '../store/database.js';
import { storeTrouble } from '../store/store-away.js';
import type { Activities } from './index.js';

/** Where activities say what happened, in full, outside of Temporal's histories. */
export type ActivityLogger = {
  error(fields: { readonly err: unknown; readonly activity: string }, message: string): void;
};

/**
 * Wraps activities so that no error carries content into a history.
 *
 * Database errors quote the row they stumbled over, and a stack names paths; both stay in the log.
 * Temporal learns a code, which is enough to retry by.
 */
export function scrubbed(logger: ActivityLogger, activities: Activities): Activities {
  const wrap =
    <Arg, Result>(activity: string, run: (arg: Arg) => Promise<Result>) =>
    async (arg: Arg): Promise<Result> => {
      try {
        return await run(arg);
      } catch (error) {
        throw scrub(logger, activity, error);
      }
    };
  return {
    endRun: wrap('endRun', activities.endRun),
    runStep: wrap('runStep', activities.runStep),
    openGate: wrap('openGate', activities.openGate),
    checkGate: wrap('checkGate', activities.checkGate),
    executeStep: wrap('executeStep', activities.executeStep),
    beginIterations: wrap('beginIterations', activities.beginIterations),
    endIterations: wrap('endIterations', activities.endIterations),
    openExternal: wrap('openExternal', activities.openExternal),
    endExternal: wrap('endExternal', activities.endExternal),
    cancelExternal: wrap('cancelExternal', activities.cancelExternal),
  };
}

function scrub(logger: ActivityLogger, activity: string, error: unknown): Error {
  if (error instanceof TemporalFailure) {
    return error;
  }
  logger.error({ err: error, activity }, 'activity failed');
  if (error instanceof NoResultError) {
    return ApplicationFailure.nonRetryable('the store has no such row', 'NotInStore');
  }
  const state = sqlState(error);
  const name = error instanceof Error ? error.name : typeof error;
  if (state !== null || storeTrouble(error) !== null) {
    return ApplicationFailure.retryable(
      `the store did not answer (${state ?? name})`,
      'StoreFailed',
    );
  }
  return ApplicationFailure.retryable(
    `activity ${activity} failed (${name}): the log of its worker says why`,
    'ActivityFailed',
  );
}
