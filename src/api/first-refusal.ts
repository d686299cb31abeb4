import type { Refusal, RefusalCode } from '../domain/refusals.js';

/** Of all refusals that apply the one that a contract ranks first; of two with one rank the earlier. */
export function firstByRank(
  refusals: readonly Refusal[],
  ranks: Readonly<Record<RefusalCode, { readonly rank: number }>>,
): Refusal {
  const [first] = refusals.toSorted((a, b) => ranks[a.code].rank - ranks[b.code].rank);
  if (first === undefined) {
    throw new Error('a command was refused without a reason');
  }
  return first;
}
