import type { Gate, JsonObject } from '../api/wire.js';

/** What pages show of a block of a stored definition. */
export type StoredBlock = {
  readonly id: string;
  readonly type: string;
  readonly label: string | null;
  readonly needs: readonly string[];
  readonly review: Gate | null;
  readonly body: readonly JsonObject[];
};

/** Reads a block as the server stores it, defaults filled in. */
export function readBlock(block: JsonObject): StoredBlock {
  const { id, type, label, needs, review, body } = block;
  return {
    id: typeof id === 'string' ? id : '',
    type: typeof type === 'string' ? type : '',
    label: typeof label === 'string' ? label : null,
    needs: Array.isArray(needs) ? needs.filter((need) => typeof need === 'string') : [],
    // A stored gate is complete: the server parsed it when it was declared.
    review: typeof review === 'object' && review !== null ? (review as unknown as Gate) : null, // oxlint-disable-line typescript/no-unsafe-type-assertion
    body: Array.isArray(body) ? (body as readonly JsonObject[]) : [], // oxlint-disable-line typescript/no-unsafe-type-assertion -- the same
  };
}

/** Every block of a definition, those inside a for_each included, in order. */
export function allBlocks(blocks: readonly JsonObject[]): readonly StoredBlock[] {
  return blocks.map(readBlock).flatMap((block) => [block, ...allBlocks(block.body)]);
}
