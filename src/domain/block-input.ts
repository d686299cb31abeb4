import type { Block, BlockInput } from './definition.js';
import { isJsonObject, type Json, type JsonObject } from './json.js';

/**
 * What a reviewer is shown at a gate on a block's input: everything that the block will be given.
 *
 * A block that needs no other shows its own json input as it is; one that does shows the whole
 * argument. Null when there is nothing an approval could be about: a snapshot is a JSON object.
 */
export function reviewableInput(block: Pick<Block, 'needs'>, given: BlockInput): JsonObject | null {
  const shown: Json = block.needs.length === 0 ? given.input : { ...given };
  return isJsonObject(shown) ? shown : null;
}

/**
 * Whether a block is given nothing, and cannot do without: a gate on its input has nothing to show, or a
 * block that only hands on what it gets has nothing for its own gate, or no items to iterate over.
 *
 * A block that computes something, and one without a gate, go on without what its reviewers refused.
 */
export function lacksContent(
  block: Pick<Block, 'needs' | 'executor' | 'review' | 'type'>,
  given: BlockInput,
  isInIteration: boolean,
): boolean {
  const shows = block.review?.placement === 'input';
  const handsOn =
    block.executor.kind === 'pass' && (block.review !== null || block.type === 'for_each');
  const hasOwn = given.input !== null && (shows || !isInIteration);
  return (
    (shows || handsOn) &&
    block.needs.length > 0 &&
    !hasOwn &&
    block.needs.every((id) => (given.blocks[id] ?? null) === null)
  );
}

/** What a block is given once its input has been approved: the approved snapshot and nothing else. */
export function approvedInput(block: Pick<Block, 'needs'>, snapshot: JsonObject): BlockInput {
  if (block.needs.length === 0) {
    return { input: snapshot, blocks: {} };
  }
  const blocks = snapshot['blocks'];
  return { input: snapshot['input'] ?? null, blocks: isJsonObject(blocks) ? blocks : {} };
}

/**
 * What the `pass` executor hands on: its own json input if it has one, else the output of its single
 * need, else the outputs by need.
 *
 * In an iteration every block has the item as its input. So there a block that needs others hands on
 * what they gave, and one that needs none the item, whatever it is.
 */
export function passedOn(
  block: Pick<Block, 'needs'>,
  given: BlockInput,
  isInIteration = false,
): Json {
  const isOwn = isInIteration ? block.needs.length === 0 : given.input !== null;
  if (isOwn) {
    return given.input;
  }
  const [only, ...others] = block.needs;
  return only !== undefined && others.length === 0 ? (given.blocks[only] ?? null) : given.blocks;
}
