import type { JsonObject, ReviewContext } from '../api/wire.js';
import { dotted, isSame, type JsonPath, valueAt } from './json-values.js';
import { standsFor } from './because.js';
import { ClassifierView } from './classifier-view.js';
import { pageStrip } from './page-strip.js';
import { PageStripView } from './page-strip-view.js';
import { type Cell, type Column, type Node, nodesOf } from './snapshot-model.js';
import { Value } from './value.js';

type Marks = {
  /** Whether a value at a path is one that made the gate fire. */
  readonly fired: (path: JsonPath) => 'now' | 'before' | null;
  /** What stood at a path in the run's own version, if that was something else. */
  readonly was: (path: JsonPath) => { readonly value: ReturnType<typeof valueAt> } | null;
};

/** A snapshot in the form that suits its block. */
export function SnapshotView({
  block,
  votes,
  snapshot,
  seed,
  firedPaths,
  firedBefore,
}: {
  readonly block: ReviewContext['block'];
  readonly votes: ReviewContext['step']['votes'];
  readonly snapshot: JsonObject;
  /** The run's own version, if this one differs from it. */
  readonly seed: JsonObject | null;
  readonly firedPaths: readonly string[];
  readonly firedBefore: readonly string[];
}) {
  const marks: Marks = {
    fired: (path) => {
      const stands = (fired: string): boolean => standsFor(fired, path);
      return firedPaths.some(stands) ? 'now' : firedBefore.some(stands) ? 'before' : null;
    },
    was: (path) => {
      if (seed === null) {
        return null;
      }
      const before = valueAt(seed, path);
      return isSame(before, valueAt(snapshot, path)) ? null : { value: before };
    },
  };
  if (block.type === 'classifier' && typeof snapshot['category'] === 'string') {
    return (
      <ClassifierView
        category={snapshot['category']}
        categories={block.categories}
        votes={votes}
        was={seed?.['category']}
        isFired={firedPaths.includes('category')}
      />
    );
  }
  const strip = block.type === 'split' || block.type === 'for_each' ? pageStrip(snapshot) : null;
  if (strip !== null) {
    return <PageStripView strip={strip} mayOverlap={block.allow_overlap} />;
  }
  const nodes = nodesOf(snapshot, block.json_schema);
  return nodes.length === 0 ? (
    <p className="panel-empty">An empty object.</p>
  ) : (
    <Nodes nodes={nodes} marks={marks} />
  );
}

function Nodes({ nodes, marks }: { readonly nodes: readonly Node[]; readonly marks: Marks }) {
  return (
    <div className="fields">
      {runsOf(nodes).map((run) => {
        const [first] = run;
        if (first === undefined) {
          return null;
        }
        return first.kind === 'value' ? (
          <dl key={dotted(first.path)} className="field-list">
            {run.map((node) =>
              node.kind === 'value' ? (
                <Row key={dotted(node.path)} node={node} marks={marks} />
              ) : null,
            )}
          </dl>
        ) : (
          <Section key={dotted(first.path)} node={first} marks={marks} />
        );
      })}
    </div>
  );
}

/** Values beside each other make one list; each group and table stands alone. */
function runsOf(nodes: readonly Node[]): readonly (readonly Node[])[] {
  const runs: Node[][] = [];
  for (const node of nodes) {
    const last = runs.at(-1);
    if (node.kind === 'value' && last?.[0]?.kind === 'value') {
      last.push(node);
    } else {
      runs.push([node]);
    }
  }
  return runs;
}

function Row({
  node,
  marks,
}: {
  readonly node: Extract<Node, { readonly kind: 'value' }>;
  readonly marks: Marks;
}) {
  const fired = marks.fired(node.path);
  const was = marks.was(node.path);
  return (
    <div
      className="field-row"
      data-fired={fired}
      data-changed={was !== null}
      data-numeric={typeof node.value === 'number'}
    >
      <dt>{node.label}</dt>
      <dd>
        <Value value={node.value} />
        {was !== null && (
          <span className="was">
            was <Value value={was.value} />
          </span>
        )}
        {fired === 'now' && <span className="fired-tag">stopped the run</span>}
      </dd>
    </div>
  );
}

function Section({
  node,
  marks,
}: {
  readonly node: Exclude<Node, { readonly kind: 'value' }>;
  readonly marks: Marks;
}) {
  const fired = marks.fired(node.path);
  return (
    <section className="field-group" data-fired={fired}>
      <h3>
        {node.label}
        {node.kind === 'table' && <span className="quiet numeric"> {node.rows.length}</span>}
        {node.kind === 'group' && node.count !== null && (
          <span className="quiet numeric"> {node.count}</span>
        )}
        {fired === 'now' && <span className="fired-tag">stopped the run</span>}
      </h3>
      {node.kind === 'table' ? (
        <Table node={node} marks={marks} />
      ) : (
        <Nodes nodes={node.nodes} marks={marks} />
      )}
    </section>
  );
}

function Table({
  node,
  marks,
}: {
  readonly node: Extract<Node, { readonly kind: 'table' }>;
  readonly marks: Marks;
}) {
  return (
    <div className="scroll-x" tabIndex={0} role="region" aria-label={node.label}>
      <table className="rows">
        <thead>
          <tr>
            {node.columns.map((column) => (
              <th key={column.key} scope="col" data-numeric={column.isNumeric}>
                {column.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {node.rows.map(({ path, cells }) => (
            <tr key={dotted(path)}>
              {cells.map((cell, index) => (
                <TableCell
                  key={dotted(cell.path)}
                  cell={cell}
                  column={node.columns[index]}
                  marks={marks}
                />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function TableCell({
  cell,
  column,
  marks,
}: {
  readonly cell: Cell;
  readonly column: Column | undefined;
  readonly marks: Marks;
}) {
  const was = marks.was(cell.path);
  return (
    <td
      data-numeric={column?.isNumeric === true}
      data-fired={marks.fired(cell.path)}
      data-changed={was !== null}
    >
      <Value value={cell.value} />
      {was !== null && (
        <span className="was">
          was <Value value={was.value} />
        </span>
      )}
    </td>
  );
}
