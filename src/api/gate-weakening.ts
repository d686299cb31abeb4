import { compilePolicy } from '../domain/compile-policy.js';
import { allBlocks } from '../domain/blocks.js';
import type { Definition, Gate } from '../domain/definition.js';
import { entriesOf, neededGroupEntries, type Policy, type Release } from '../domain/policy.js';
import { canonicalJson } from '../rules/canonical.js';

/** A gate that asks for less than it did, and in what. */
export type Weakening = { readonly blockId: string; readonly changes: readonly string[] };

/**
 * The gates of a definition that became weaker than they were before.
 *
 * Only what is plainly weaker is told, and a changed predicate or placement always, because which of
 * two predicates lets more pass cannot be read off them.
 */
export function weakenedGates(before: Definition, after: Definition): readonly Weakening[] {
  const blocksAfter = new Map(allBlocks(after.blocks).map((block) => [block.id, block]));
  return allBlocks(before.blocks).flatMap(({ id, review }) => {
    const block = blocksAfter.get(id);
    if (review === null) {
      return [];
    }
    if (block === undefined) {
      return [{ blockId: id, changes: ['the gated block was removed'] }];
    }
    const changes =
      block.review === null ? ['the gate was removed'] : compare(review, block.review);
    return changes.length === 0 ? [] : [{ blockId: id, changes }];
  });
}

function compare(before: Gate, after: Gate): readonly string[] {
  const isChanged = (key: 'predicate' | 'placement'): boolean =>
    canonicalJson(before[key]) !== canonicalJson(after[key]);
  const policyBefore = compilePolicy(before);
  const policyAfter = compilePolicy(after);
  return [
    ...(isChanged('predicate') ? ['its predicate was changed'] : []),
    ...(isChanged('placement') ? ['its placement was changed'] : []),
    ...fewerApprovals(policyBefore, policyAfter),
    ...looserRules(policyBefore, policyAfter),
  ];
}

/** `anyone` is no loss: what is declared in its place asks for more, and never for nobody. */
function fewerApprovals(before: Policy, after: Policy): readonly string[] {
  const [entriesBefore, entriesAfter] = [entriesOf(before), entriesOf(after)];
  const kept = new Set(entriesAfter.filter(({ mandatory }) => mandatory).map(({ key }) => key));
  const dropped = entriesBefore.filter(
    ({ kind, mandatory, key }) => kind !== 'anyone' && mandatory && !kept.has(key),
  );
  const neededBefore = neededGroupEntries(before, entriesBefore);
  const neededAfter = neededGroupEntries(after, entriesAfter);
  return [
    ...dropped.map(({ key }) => `${key} is no longer required`),
    ...(after.minApprovals !== null && neededAfter < neededBefore
      ? [`${neededAfter} group approvals are enough, ${neededBefore} were needed`]
      : []),
  ];
}

function looserRules(before: Policy, after: Policy): readonly string[] {
  const added = after.forceApprovalGroups.filter(
    (group) => !before.forceApprovalGroups.includes(group),
  );
  const rules: readonly (readonly [boolean, string])[] = [
    [
      before.selfApproval === 'never' && after.selfApproval !== 'never',
      'owners who are admins may approve',
    ],
    [before.onePersonOneEntry && !after.onePersonOneEntry, 'one person may fill several entries'],
    [before.corrections === 'none' && after.corrections !== 'none', 'corrections are taken'],
    [
      !before.correctionAuthorMayApprove && after.correctionAuthorMayApprove,
      "a correction's author may approve it",
    ],
    [timeToUndo(after.release) < timeToUndo(before.release), 'it is released earlier'],
    [
      before.onReject === 'cancel_run' && after.onReject !== 'cancel_run',
      'a rejection no longer cancels the run',
    ],
    [added.length > 0, `${added.join(', ')} may force an approval`],
    [
      before.acknowledgeSuperseded && !after.acknowledgeSuperseded,
      'versions are discarded without a word',
    ],
  ];
  return rules.flatMap(([isLooser, change]) => (isLooser ? [change] : []));
}

/** How long an approval waits before it takes effect; a manual release waits for somebody. */
function timeToUndo(release: Release): number {
  if (release === 'manual') {
    return Number.POSITIVE_INFINITY;
  }
  return release === 'auto' ? 0 : release.afterMs;
}
