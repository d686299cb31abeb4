import { type BySide, bySide, type Side, type SideName } from './sides.js';

/**
 * In which order sides take their turn.
 *
 * In as many rounds as there are orders of three, each side comes first, and right after each other one, equally often.
 */
export function orderOf(sides: readonly Side[], turn: number): readonly Side[] {
  const first = turn % sides.length;
  const order = [...sides.slice(first), ...sides.slice(0, first)];
  return Math.floor(turn / sides.length) % 2 === 0 ? order : order.toReversed();
}

/** Does something with each side, one after another in this order. */
export async function inOrder<T>(
  order: readonly Side[],
  work: (side: Side) => Promise<T>,
): Promise<BySide<T>> {
  const results = new Map<SideName, T>();
  for (const side of order) {
    results.set(side.name, await work(side));
  }
  return bySide((name) => {
    const result = results.get(name);
    if (result === undefined) {
      throw new Error(`nothing was done with ${name}`);
    }
    return result;
  });
}
