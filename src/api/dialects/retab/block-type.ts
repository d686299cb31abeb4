import type { BlockType } from '../../../domain/definition.js';

/** The block types that clients of this contract know; any other value fails a whole page there. */
export const WIRE_BLOCK_TYPES = ['extract', 'split', 'classifier', 'for_each'] as const;
export type WireBlockType = (typeof WIRE_BLOCK_TYPES)[number];

/** A block's type as clients know it: a task appears as an extraction, its true type beside it. */
export function showBlockType(type: BlockType): WireBlockType {
  return type === 'task' ? 'extract' : type;
}

/** The block types that appear as one that was asked for. */
export function blockTypesShownAs(asked: BlockType): readonly BlockType[] {
  return asked === 'extract' ? ['extract', 'task'] : [asked];
}
