import type { Block } from '../domain/definition.js';
import { describe, type Problem } from './problem.js';

type Path = readonly (string | number)[];

/** Where in a definition a list of blocks stands, and the for_each that it is the body of. */
type Scope = { readonly path: Path; readonly around: Block | null };

type Order = { readonly ordered: readonly Block[] } | { readonly problems: readonly Problem[] };

/**
 * The blocks in an order in which every need comes before its user; otherwise as they were declared. Bodies likewise.
 *
 * Of the blocks that could come next the first declared one does, so that the order is the same every time. A block of a
 * body may need its siblings, and what its for_each needs itself: that has ended before the first iteration begins.
 */
export function orderBlocks(blocks: readonly Block[]): Order {
  return orderIn(blocks, blocks, { path: ['blocks'], around: null });
}

function orderIn(all: readonly Block[], blocks: readonly Block[], scope: Scope): Order {
  const problems = blocks.flatMap((block, index) => checkNeeds(all, block, index, blocks, scope));
  if (problems.length > 0) {
    return { problems };
  }
  const inside = blocks.map((block, index) =>
    orderBody(all, block, [...scope.path, index, 'body']),
  );
  const faults = inside.flatMap((one) => ('problems' in one ? one.problems : []));
  if (faults.length > 0) {
    return { problems: faults };
  }
  const ordered: Block[] = [];
  const placed = new Set<string>(scope.around?.needs ?? []);
  let waiting = inside.flatMap((one) => ('block' in one ? [one.block] : []));
  while (waiting.length > 0) {
    const next = waiting.find(({ needs }) => needs.every((need) => placed.has(need)));
    if (next === undefined) {
      return { problems: [cycleProblem(blocks, waiting, scope.path)] };
    }
    ordered.push(next);
    placed.add(next.id);
    waiting = waiting.filter((block) => block !== next);
  }
  return { ordered };
}

function orderBody(
  all: readonly Block[],
  block: Block,
  path: Path,
): { readonly block: Block } | { readonly problems: readonly Problem[] } {
  if (block.body === null) {
    return { block };
  }
  const order = orderIn(all, block.body, { path, around: block });
  return 'problems' in order ? order : { block: { ...block, body: order.ordered } };
}

function checkNeeds(
  all: readonly Block[],
  block: Block,
  index: number,
  siblings: readonly Block[],
  { path, around }: Scope,
): readonly Problem[] {
  return block.needs.flatMap((need, at): readonly Problem[] => {
    const place = [...path, index, 'needs', at];
    const isReachable = siblings.some(({ id }) => id === need) || around?.needs.includes(need);
    if (isReachable !== true) {
      return [{ path: place, message: whyNot(all, need, siblings, around) }];
    }
    return block.needs.indexOf(need) === at
      ? []
      : [{ path: place, message: `${describe(need)} is needed already` }];
  });
}

/** Why a block cannot be needed from here. */
function whyNot(
  all: readonly Block[],
  need: string,
  siblings: readonly Block[],
  around: Block | null,
): string {
  const holder = siblings.find(({ body }) => holds(body ?? [], need));
  if (holder !== undefined) {
    return `${describe(need)} is in the body of ${describe(holder.id)}, which hands on what its iterations gave; need ${describe(holder.id)} instead`;
  }
  if (!holds(all, need) || around === null) {
    return `expected the id of a block of this workflow, got ${describe(need)}`;
  }
  return `expected a block of the same body, or one that its for_each ${describe(around.id)} needs itself, got ${describe(need)}`;
}

function holds(blocks: readonly Block[], wanted: string): boolean {
  return blocks.some(({ id, body }) => id === wanted || holds(body ?? [], wanted));
}

/** One cycle, named along its way. Every waiting block needs another waiting one, so that following them comes round. */
function cycleProblem(blocks: readonly Block[], waiting: readonly Block[], path: Path): Problem {
  const trail: Block[] = [];
  let block = waiting[0];
  while (block !== undefined && !trail.includes(block)) {
    trail.push(block);
    const { needs }: Block = block;
    block = waiting.find(({ id }) => needs.includes(id));
  }
  const cycle = block === undefined ? trail : [...trail.slice(trail.indexOf(block)), block];
  const start = cycle[0];
  const index = start === undefined ? 0 : blocks.findIndex(({ id }) => id === start.id);
  const names = cycle.map(({ id }) => describe(id)).join(' needs ');
  return {
    path: [...path, index, 'needs'],
    message: `blocks need each other in a circle: ${names}`,
  };
}
