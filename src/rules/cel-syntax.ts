import { parse } from '@bufbuild/cel';

/** A parsed expression; every node has an id and a position in the source. */
export type Parsed = ReturnType<typeof parse>;
export type Node = Parsed['expr'];

const MAX_SOURCE_BYTES = 2_048;
/** A thousand open brackets take the parser three seconds, or overflow the stack; fifty take two milliseconds. */
const MAX_BRACKETS = 50;
/** How deep the tree may be: a sum of 150 terms is as deep. */
const MAX_TREE = 200;

/** The expression, or one sentence that says what is wrong with it and where. */
export function parseExpression(
  source: string,
): { readonly parsed: Parsed } | { readonly fault: string } {
  const byteLength = Buffer.byteLength(source, 'utf8');
  if (byteLength > MAX_SOURCE_BYTES) {
    return { fault: `takes ${byteLength} bytes; at most ${MAX_SOURCE_BYTES} are accepted` };
  }
  const brackets = deepestBracket(source);
  if (brackets > MAX_BRACKETS) {
    return { fault: `nests ${brackets} brackets deep; at most ${MAX_BRACKETS} are accepted` };
  }
  let parsed: Parsed;
  try {
    parsed = parse(source);
  } catch (error) {
    return { fault: syntaxFault(error) };
  }
  return isDeeper(parsed.expr, MAX_TREE)
    ? { fault: `nests deeper than the ${MAX_TREE} levels accepted` }
    : { parsed };
}

/** The nodes directly under a node, in the order of the source. */
export function childrenOf(node: Node): readonly Node[] {
  const kind = node.exprKind;
  const found: (Node | undefined)[] = [];
  if (kind.case === 'selectExpr') {
    found.push(kind.value.operand);
  } else if (kind.case === 'callExpr') {
    found.push(kind.value.target, ...kind.value.args);
  } else if (kind.case === 'listExpr') {
    found.push(...kind.value.elements);
  } else if (kind.case === 'structExpr') {
    for (const { keyKind, value } of kind.value.entries) {
      found.push(keyKind.case === 'mapKey' ? keyKind.value : undefined, value);
    }
  } else if (kind.case === 'comprehensionExpr') {
    const { iterRange, accuInit, loopCondition, loopStep, result } = kind.value;
    found.push(iterRange, accuInit, loopCondition, loopStep, result);
  }
  return found.filter((child) => child !== undefined);
}

/** Where a node stands in the source, as people count: line and column from 1. */
export function positionOf(parsed: Parsed, source: string, node: Node): string {
  const offset = parsed.sourceInfo?.positions[node.id.toString()] ?? 0;
  const lines = source.slice(0, offset).split('\n');
  return `line ${lines.length}, column ${(lines.at(-1) ?? '').length + 1}`;
}

/** The deepest nesting of brackets, those inside strings counted too: a bound need not be exact. */
function deepestBracket(source: string): number {
  let depth = 0;
  let deepest = 0;
  for (const character of source) {
    if ('([{'.includes(character)) {
      depth += 1;
      deepest = Math.max(deepest, depth);
    } else if (')]}'.includes(character)) {
      depth = Math.max(0, depth - 1);
    }
  }
  return deepest;
}

/** Walks with a list of its own: the tree of `1+1+…` is as deep as it is long. */
function isDeeper(root: Node, most: number): boolean {
  let level: readonly Node[] = [root];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth === most) {
      return true;
    }
    level = level.flatMap((node) => childrenOf(node));
  }
  return false;
}

function syntaxFault(error: unknown): string {
  if (error instanceof RangeError) {
    return 'nests too deep to be read';
  }
  const text = error instanceof Error ? error.message : String(error);
  const located = /^<input>:(\d+):(\d+): (.*)$/s.exec(text);
  if (located === null) {
    return `cannot be read: ${text}`;
  }
  const [, line, column, detail = ''] = located;
  // At the start of an operand the parser lists a dozen alternatives.
  const short = detail.replace(/ but expecting .*identifier.*$/s, ' where a value is expected');
  return `cannot be read at line ${line}, column ${column}: ${short}`;
}
