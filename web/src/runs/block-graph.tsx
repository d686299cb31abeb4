import type { ReactNode } from 'react';
import { layOut, type GraphBlock, type Placed } from './graph.js';

const WIDTH = 208;
const HEIGHT = 76;
const GAP_X = 40;
const GAP_Y = 20;

/** Blocks as a graph: boxes in a list, so that a screen reader walks them in order, and lines behind them. */
export function BlockGraph({
  label,
  blocks,
  children,
}: {
  readonly label: string;
  readonly blocks: readonly GraphBlock[];
  readonly children: (blockId: string) => ReactNode;
}) {
  const { nodes, edges, columns, rows } = layOut(blocks);
  const width = columns * WIDTH + Math.max(0, columns - 1) * GAP_X;
  const height = rows * HEIGHT + Math.max(0, rows - 1) * GAP_Y;
  const places = new Map(nodes.map((node) => [node.id, node]));
  return (
    <div className="scroll-x graph-scroll" tabIndex={0} role="region" aria-label={label}>
      <div className="graph" style={{ width, height }}>
        <svg className="graph-edges" width={width} height={height} aria-hidden="true">
          {edges.map(([from, to]) => (
            <path key={`${from} ${to}`} d={line(places.get(from), places.get(to))} />
          ))}
        </svg>
        <ol>
          {nodes.map((node) => (
            <li
              key={node.id}
              className="graph-node"
              style={{ left: xOf(node), top: yOf(node), width: WIDTH, height: HEIGHT }}
            >
              {children(node.id)}
            </li>
          ))}
        </ol>
      </div>
    </div>
  );
}

function xOf({ column }: Placed): number {
  return column * (WIDTH + GAP_X);
}

function yOf({ row }: Placed): number {
  return row * (HEIGHT + GAP_Y);
}

function line(from: Placed | undefined, to: Placed | undefined): string {
  if (from === undefined || to === undefined) {
    return '';
  }
  const [x1, y1] = [xOf(from) + WIDTH, yOf(from) + HEIGHT / 2];
  const [x2, y2] = [xOf(to), yOf(to) + HEIGHT / 2];
  const middle = x2 - GAP_X / 2;
  return `M${x1} ${y1}H${middle - 8}C${middle} ${y1} ${middle} ${y2} ${middle + 8} ${y2}H${x2}`;
}
