import type { Client as TemporalClient } from '@temporalio/client';
import { concurrently } from './concurrently.js';
import type { ParkedRun } from './sides.js';
import { median } from './statistics.js';

/** How many events the history of a gate and that of its run have, and how many bytes: medians; 0 for no gate. */
export type EventCounts = {
  readonly gate: number;
  readonly run: number;
  readonly gateBytes: number;
  readonly runBytes: number;
};

/** Counts the events of runs that have ended. */
export async function eventCounts(
  temporal: TemporalClient,
  runs: readonly ParkedRun[],
): Promise<EventCounts> {
  const size = async (
    workflowId: string | null,
  ): Promise<readonly [events: number, bytes: number]> => {
    if (workflowId === null) {
      return [0, 0];
    }
    const handle = temporal.workflow.getHandle(workflowId);
    const [{ events }, { historySize }] = await Promise.all([
      handle.fetchHistory(),
      handle.describe(),
    ]);
    return [events?.length ?? 0, historySize ?? 0];
  };
  const gates = await concurrently(4, runs, ({ gateId }) => size(gateId));
  const parents = await concurrently(4, runs, ({ id }) => size(id));
  // Of an even number of runs the median may lie between two.
  const middle = (sizes: readonly number[]): number => Math.round(median(sizes));
  return {
    gate: middle(gates.map(([events]) => events)),
    run: middle(parents.map(([events]) => events)),
    gateBytes: middle(gates.map(([, bytes]) => bytes)),
    runBytes: middle(parents.map(([, bytes]) => bytes)),
  };
}
