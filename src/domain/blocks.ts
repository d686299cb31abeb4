import type { Block } from './definition.js';

/** Every block of a definition, those of bodies behind the for_each that they belong to. */
export function allBlocks(blocks: readonly Block[]): readonly Block[] {
  return blocks.flatMap((block) => [block, ...allBlocks(block.body ?? [])]);
}

/** A block with the for_eaches around it, outermost first. */
export type PlacedBlock = { readonly block: Block; readonly around: readonly Block[] };

/** Finds a block wherever it is declared; null for an id that no block has. */
export function findBlock(blocks: readonly Block[], id: string): PlacedBlock | null {
  for (const block of blocks) {
    if (block.id === id) {
      return { block, around: [] };
    }
    const inside = findBlock(block.body ?? [], id);
    if (inside !== null) {
      return { ...inside, around: [block, ...inside.around] };
    }
  }
  return null;
}

/** The blocks of a body that no other of them needs, in the order of their ids: what an iteration hands on. */
export function sinksOf(body: readonly Block[]): readonly Block[] {
  const needed = new Set(body.flatMap(({ needs }) => needs));
  return body
    .filter(({ id }) => !needed.has(id))
    .toSorted((one, other) => (one.id < other.id ? -1 : 1));
}
