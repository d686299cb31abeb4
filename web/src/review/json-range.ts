import type { JsonPath } from './json-values.js';

/** As much of a syntax tree of JSON as is needed here. */
export type SyntaxNode = {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly firstChild: SyntaxNode | null;
  readonly nextSibling: SyntaxNode | null;
};

/**
 * The place in a text of what stands at a path: of a property its name, of an item of a list its value.
 *
 * Where the path leads nowhere it is the nearest thing that is there.
 */
export function rangeOf(
  top: SyntaxNode,
  path: JsonPath,
  text: (from: number, to: number) => string,
): { readonly from: number; readonly to: number } {
  let here = valuesIn(top)[0] ?? top;
  let shown: SyntaxNode = here;
  for (const key of path) {
    const next =
      here.name === 'Array' && typeof key === 'number'
        ? valuesIn(here)[key]
        : childrenOf(here).find(
            (child) => child.name === 'Property' && nameOf(child, text) === String(key),
          );
    if (next === undefined) {
      break;
    }
    shown = next.name === 'Property' ? (next.firstChild ?? next) : next;
    here = next.name === 'Property' ? (valuesIn(next).at(-1) ?? next) : next;
  }
  // A whole object or list would underline half of the text: its first sign is enough.
  return shown.name === 'Object' || shown.name === 'Array'
    ? { from: shown.from, to: shown.from + 1 }
    : { from: shown.from, to: shown.to };
}

function childrenOf(node: SyntaxNode): readonly SyntaxNode[] {
  const children: SyntaxNode[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) {
    children.push(child);
  }
  return children;
}

const VALUES = new Set(['Object', 'Array', 'String', 'Number', 'True', 'False', 'Null']);

function valuesIn(node: SyntaxNode): readonly SyntaxNode[] {
  return childrenOf(node).filter(({ name }) => VALUES.has(name));
}

function nameOf(property: SyntaxNode, text: (from: number, to: number) => string): string | null {
  const name = property.firstChild;
  if (name?.name !== 'PropertyName') {
    return null;
  }
  try {
    const read: unknown = JSON.parse(text(name.from, name.to));
    return typeof read === 'string' ? read : null;
  } catch {
    return null;
  }
}
