import type { JsonObject, Review, Step } from '../api/wire.js';
import { allBlocks, readBlock } from '../workflows/stored-block.js';

/** One step of an item, and the review that it opened. */
export type LoopStep = { readonly step: Step; readonly review: Review | null };

/** One item of a loop: how far the blocks of the body have come with it. */
export type LoopItem = { readonly key: string; readonly steps: readonly LoopStep[] };

/** A for_each of a run, with its items in their order; those of loops inside of it are among them. */
export type Loop = {
  readonly id: string;
  readonly label: string;
  readonly items: readonly LoopItem[];
};

/** The loops of a run, in the order of the definition, each with what is known of its items. */
export function loopsOf(
  blocks: readonly JsonObject[],
  steps: readonly Step[],
  reviews: readonly Review[],
): readonly Loop[] {
  return blocks.map(readBlock).flatMap((block): readonly Loop[] => {
    if (block.type !== 'for_each') {
      return [];
    }
    const bodyIds = allBlocks(block.body).map(({ id }) => id);
    const byItem = new Map<string, LoopStep[]>();
    const own = steps.filter(({ block_id: id }) => bodyIds.includes(id));
    for (const step of own.toSorted(
      (a, b) => bodyIds.indexOf(a.block_id) - bodyIds.indexOf(b.block_id),
    )) {
      const key = step.iteration_key ?? '';
      const review = reviews.find(({ step_id: id }) => id === step.step_id) ?? null;
      byItem.set(key, [...(byItem.get(key) ?? []), { step, review }]);
    }
    const items = [...byItem].map(([key, ofItem]) => ({ key, steps: ofItem }));
    return [
      {
        id: block.id,
        label: block.label ?? block.id,
        items: items.toSorted((a, b) => compareKeys(a.key, b.key)),
      },
    ];
  });
}

/** How many items wait for people, and how many have come to their end. */
export function countItems({ items }: Loop): { readonly waiting: number; readonly ended: number } {
  const every = (item: LoopItem, wanted: readonly string[]): boolean =>
    item.steps.every(({ step }) => wanted.includes(step.lifecycle.status));
  return {
    waiting: items.filter(({ steps }) =>
      steps.some(({ step }) => step.lifecycle.status === 'awaiting_review'),
    ).length,
    ended: items.filter((item) => every(item, ['completed', 'skipped', 'cancelled', 'error']))
      .length,
  };
}

/** Places are numbers: item 10 comes behind item 9. */
function compareKeys(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}
