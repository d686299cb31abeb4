/**
 * What a Temporal server of our own is told beside its defaults, which are made for clusters that many share: on one
 * shard, with two or three workers, they only make every step wait. `docs/operations.md` says what each one does and
 * costs, and who sets it elsewhere; `docker-compose.yml` says the same to its server.
 */
export const DYNAMIC_CONFIG: DynamicConfig = {
  // 20 by default: a shard reads its queue at most that often, so each step waits for the next twentieth of a second.
  'history.transferProcessorMaxPollRPS': 1000,
  // 4 by default: a task that lands in a partition where nobody polls is passed on first.
  'matching.numTaskqueueReadPartitions': 1,
  'matching.numTaskqueueWritePartitions': 1,
  // Off before server 1.32: the worker that schedules an activity gets it with the answer, without a poll.
  'system.enableActivityEagerExecution': true,
};

/** Settings of a Temporal server by their keys. */
export type DynamicConfig = Readonly<Record<string, number | boolean>>;

/** The same as arguments of the Temporal CLI. */
export function dynamicConfigArgs(config: DynamicConfig): readonly string[] {
  return Object.entries(config).map(([key, value]) => `--dynamic-config-value=${key}=${value}`);
}
