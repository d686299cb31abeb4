import { lacksContent } from '../domain/block-input.js';
import { allBlocks } from '../domain/blocks.js';
import type { Block } from '../domain/definition.js';
import { describe, type Problem } from './problem.js';

/**
 * Warns of blocks that are skipped when reviewers refuse what they need, where a gate says `continue`:
 * nothing else comes to them, and they cannot do without. Paths lead from the list of blocks.
 */
export function refusalWarnings(blocks: readonly Block[]): readonly Problem[] {
  const byId = new Map(allBlocks(blocks).map((block) => [block.id, block]));
  return warningsIn(blocks, byId, false);
}

type ById = ReadonlyMap<string, Block>;

function warningsIn(blocks: readonly Block[], byId: ById, isInBody: boolean): readonly Problem[] {
  return blocks.flatMap((block, index) => [
    ...(dependsOnOthers(block, isInBody) && block.needs.every((id) => comesToNothing(id, byId))
      ? [{ path: [index, 'needs'], message: warning(block, isInBody) }]
      : []),
    ...warningsIn(block.body ?? [], byId, true).map((inside) => ({
      ...inside,
      path: [index, 'body', ...inside.path],
    })),
  ]);
}

function dependsOnOthers(block: Block, isInBody: boolean): boolean {
  return lacksContent(block, { input: isInBody ? {} : null, blocks: {} }, isInBody);
}

/** Whether a refusal can leave nothing of a block: of its own output, or of all that it hands on. */
function comesToNothing(id: string, byId: ById): boolean {
  const block = byId.get(id);
  return (
    block?.review?.on_reject === 'continue' ||
    (block?.executor.kind === 'pass' &&
      block.needs.length > 0 &&
      block.needs.every((need) => comesToNothing(need, byId)))
  );
}

function warning({ id, needs, type }: Block, isInBody: boolean): string {
  const names = needs.map((need) => describe(need)).join(' and ');
  const what = type === 'for_each' ? 'to iterate over' : 'to review';
  const remedy = isInBody
    ? 'let it need a block that is always there'
    : 'give it an input of its own, or let it need a block that is always there';
  return `where reviewers refuse ${names}, nothing is left for ${describe(id)} ${what}, and it is skipped with it; ${remedy} if it has to run`;
}
