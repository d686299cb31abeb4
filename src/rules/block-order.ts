import { describe, type Problem } from './problem.js';

type Node = { readonly id: string; readonly needs: readonly string[] };

/**
 * The blocks in an order in which every need comes before its user; otherwise as they were declared.
 *
 * Of the blocks that could come next the first declared one does, so that the order is the same every time.
 */
export function orderBlocks<Block extends Node>(
  blocks: readonly Block[],
): { readonly ordered: readonly Block[] } | { readonly problems: readonly Problem[] } {
  const problems = blocks.flatMap((block, index) => checkNeeds(block, index, blocks));
  if (problems.length > 0) {
    return { problems };
  }
  const ordered: Block[] = [];
  const placed = new Set<string>();
  let waiting = blocks;
  while (waiting.length > 0) {
    const next = waiting.find(({ needs }) => needs.every((need) => placed.has(need)));
    if (next === undefined) {
      return { problems: [cycleProblem(blocks, waiting)] };
    }
    ordered.push(next);
    placed.add(next.id);
    waiting = waiting.filter((block) => block !== next);
  }
  return { ordered };
}

function checkNeeds(block: Node, index: number, blocks: readonly Node[]): readonly Problem[] {
  return block.needs.flatMap((need, at) => {
    const path = ['blocks', index, 'needs', at];
    if (!blocks.some(({ id }) => id === need)) {
      return [
        { path, message: `expected the id of a block of this workflow, got ${describe(need)}` },
      ];
    }
    return block.needs.indexOf(need) === at
      ? []
      : [{ path, message: `${describe(need)} is needed already` }];
  });
}

/** One cycle, named along its way. Every waiting block needs another waiting one, so that following them comes round. */
function cycleProblem(blocks: readonly Node[], waiting: readonly Node[]): Problem {
  const trail: Node[] = [];
  let block = waiting[0];
  while (block !== undefined && !trail.includes(block)) {
    trail.push(block);
    const { needs }: Node = block;
    block = waiting.find(({ id }) => needs.includes(id));
  }
  const cycle = block === undefined ? trail : [...trail.slice(trail.indexOf(block)), block];
  const start = cycle[0];
  const index = start === undefined ? 0 : blocks.indexOf(start);
  const names = cycle.map(({ id }) => describe(id)).join(' needs ');
  return {
    path: ['blocks', index, 'needs'],
    message: `blocks need each other in a circle: ${names}`,
  };
}
