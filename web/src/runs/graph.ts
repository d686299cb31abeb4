/** What a graph is drawn from: a node, and the nodes it needs. */
export type GraphBlock = { readonly id: string; readonly needs: readonly string[] };

/** Where a node stands, in columns and rows from 0. */
export type Placed = { readonly id: string; readonly column: number; readonly row: number };

/** A graph on a grid: whatever a node needs stands to its left. */
export type Graph = {
  readonly nodes: readonly Placed[];
  readonly edges: readonly (readonly [from: string, to: string])[];
  readonly columns: number;
  readonly rows: number;
};

/**
 * Lays blocks out in columns by how far they are from a start, and in rows near what they need.
 *
 * The order of what is given breaks ties, so that the same definition is always drawn alike.
 */
export function layOut(blocks: readonly GraphBlock[]): Graph {
  const byId = new Map(blocks.map((block) => [block.id, block]));
  const columns = new Map<string, number>();
  const columnOf = (id: string, path: ReadonlySet<string>): number => {
    const known = columns.get(id);
    if (known !== undefined) {
      return known;
    }
    const needs = (byId.get(id)?.needs ?? []).filter((need) => byId.has(need) && !path.has(need));
    const column = needs.reduce(
      (most, need) => Math.max(most, columnOf(need, new Set([...path, id])) + 1),
      0,
    );
    columns.set(id, column);
    return column;
  };
  const count = blocks.reduce((most, { id }) => Math.max(most, columnOf(id, new Set()) + 1), 0);
  const rows = new Map<string, number>();
  const nodes: Placed[] = [];
  for (let column = 0; column < count; column += 1) {
    const here = blocks.filter(({ id }) => columns.get(id) === column);
    const wanted = (block: GraphBlock): number => {
      const above = block.needs.map((need) => rows.get(need)).filter((row) => row !== undefined);
      return above.length === 0 ? 0 : above.reduce((sum, row) => sum + row, 0) / above.length;
    };
    const taken = new Set<number>();
    for (const block of here.toSorted((a, b) => wanted(a) - wanted(b))) {
      let row = Math.round(wanted(block));
      while (taken.has(row)) {
        row += 1;
      }
      taken.add(row);
      rows.set(block.id, row);
      nodes.push({ id: block.id, column, row });
    }
  }
  return {
    nodes,
    edges: blocks.flatMap(({ id, needs }) =>
      needs.filter((need) => byId.has(need)).map((need) => [need, id] as const),
    ),
    columns: count,
    rows: Math.max(0, ...rows.values()) + (nodes.length === 0 ? 0 : 1),
  };
}
