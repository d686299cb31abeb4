import { parseExpression, type Node } from './cel-syntax.js';

/** An expression that is a chain of alternatives or of conditions: `a || b || c`. */
export type Chain = { readonly operator: '||' | '&&'; readonly parts: readonly string[] };

/**
 * The parts of an expression whose outermost operator is `||` or `&&`, as their author wrote them; null for any other.
 *
 * The parser keeps no positions of such operators. So the text is cut where they stand outside brackets and
 * strings, and the cut is believed only if its parts can be parsed and are as many as the tree has.
 */
export function chainOf(source: string): Chain | null {
  const result = parseExpression(source);
  if ('fault' in result) {
    return null;
  }
  const { exprKind } = result.parsed.expr;
  const name = exprKind.case === 'callExpr' ? exprKind.value.function : '';
  const operator = name === '_||_' ? '||' : name === '_&&_' ? '&&' : null;
  if (operator === null) {
    return null;
  }
  const parts = cut(source, operator);
  const isWhole = parts.every((part) => 'parsed' in parseExpression(`${part}\n`)); // it may end in a comment
  // A part in brackets may be a chain of its own; in the tree it is not to be told from this one.
  return isWhole && parts.length > 1 && parts.length <= countLeaves(result.parsed.expr, name)
    ? { operator, parts }
    : null;
}

function countLeaves(node: Node, operator: string): number {
  const { exprKind } = node;
  return exprKind.case === 'callExpr' && exprKind.value.function === operator
    ? exprKind.value.args.reduce((sum, arg) => sum + countLeaves(arg, operator), 0)
    : 1;
}

/** A string of CEL with its quotes, also a raw one, in which a backslash says nothing; or a comment. */
const OPAQUE =
  /[bB]?[rR][bB]?(?:"""[^]*?"""|'''[^]*?'''|"[^"\n]*"|'[^'\n]*')|"""(?:\\[^]|[^\\])*?"""|'''(?:\\[^]|[^\\])*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|\/\/[^\n]*/y;

function cut(source: string, operator: string): readonly string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < source.length;) {
    OPAQUE.lastIndex = isInsideWord(source, at) ? source.length : at;
    const opaque = OPAQUE.exec(source)?.[0];
    if (opaque !== undefined) {
      at += opaque.length;
      continue;
    }
    const character = source.charAt(at);
    if ('([{'.includes(character)) {
      depth += 1;
    } else if (')]}'.includes(character)) {
      depth -= 1;
    } else if (depth === 0 && source.startsWith(operator, at)) {
      parts.push(source.slice(start, at).trim());
      at += operator.length;
      start = at;
      continue;
    }
    at += 1;
  }
  return [...parts, source.slice(start).trim()];
}

/** The `r` of `for"` would be no prefix of a string. */
function isInsideWord(source: string, at: number): boolean {
  return /[\w]/.test(source.charAt(at)) && /\w/.test(source.charAt(at - 1));
}
