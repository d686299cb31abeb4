import type { Breach } from '../watch.js';
import { judgeEnds, judgeExecutions, judgeStarts } from './ends.js';
import { type Evidence, indexOf } from './evidence.js';
import { FlowOfRun } from './flow.js';
import { judgeVotes, standings } from './votes.js';

/**
 * Proves from the evidence that the promises were kept, or says what broke which.
 *
 * It shares no rule with the product: how votes count, what flows and how runs end is written here anew.
 */
export function check(evidence: Evidence): readonly Breach[] {
  const index = indexOf(evidence);
  const reviews = standings(evidence, index);
  const statuses = new Map(evidence.stored.runs.map(({ id, status }) => [id, status]));
  const flows = evidence.runs.flatMap((run) => {
    const flow = new FlowOfRun(run, statuses.get(run.id) ?? 'missing', index, reviews);
    flow.judge();
    return flow.breaches;
  });
  return [
    ...judgeStarts(evidence),
    ...judgeVotes(evidence, index, reviews),
    ...flows,
    ...judgeEnds(evidence, index, reviews),
    ...judgeExecutions(evidence),
  ];
}
