import type { BlockType, Predicate } from '../domain/definition.js';
import type { Json, JsonObject } from '../domain/json.js';
import { childrenOf, type Node, parseExpression } from './cel-syntax.js';
import { validate } from './json-schema.js';
import { firstUnanswered } from './required-fields.js';
import { TooMuchWork, Work } from './work.js';

/** What a predicate fired on, as far as marking its values needs it. */
export type FiredOn = {
  readonly blockType: BlockType;
  readonly data: Json;
  readonly json_schema: JsonObject | null;
};

/**
 * The paths of the values that a predicate looked at when it fired, for a page that marks them.
 *
 * Segments are joined by dots; `*` stands for every element. It is an aid to the eye: paths that
 * cannot be told (an expression over a computed key, say) are left out, and none is ever made up.
 */
export function firedPaths(fired: Predicate, on: FiredOn): readonly string[] {
  return [...new Set(pathsOf(fired, on))];
}

function pathsOf(fired: Predicate, on: FiredOn): readonly string[] {
  switch (fired.kind) {
    case 'always':
    case 'confidence_lt':
      return [];
    case 'validation_failed':
      return guarded((work) =>
        on.json_schema === null
          ? []
          : validate(on.json_schema, on.data, work).map(({ path }) => path.join('.')),
      ).filter((path) => path !== '');
    case 'any_required_field_null':
      return guarded((work) => {
        const path =
          on.json_schema === null ? null : firstUnanswered(on.json_schema, on.data, work);
        return path === null ? [] : [path.join('.')];
      });
    case 'category_in':
    case 'top_margin_lt':
      return ['category'];
    case 'split_count_neq':
    case 'any_split_pages_lt':
    case 'boundary_confidence_lt':
      return [on.blockType === 'for_each' ? 'partitions' : 'documents'];
    case 'any_pages_unassigned':
      return ['unassigned_pages'];
    case 'json_condition':
      return fired.condition.sub_conditions.flatMap(({ path, path_ref: ref }) => {
        const [, ...segments] = (path ?? ref?.path ?? '').split('.');
        return segments.length === 0 ? [] : [segments.join('.')];
      });
    case 'expression':
      return pathsInExpression(fired.expression);
    case 'any_of':
    case 'all_of':
      return fired.predicates.flatMap((child) => pathsOf(child, on));
  }
}

const ROOTS = ['output', 'input', 'likelihoods'];

/** The longest chains of fields that an expression reads: `output.vendor.country` gives `vendor.country`. */
function pathsInExpression(source: string): readonly string[] {
  const result = parseExpression(source);
  return 'fault' in result ? [] : chainsUnder(result.parsed.expr);
}

function chainsUnder(node: Node): readonly string[] {
  const chain = chainOf(node);
  if (chain === null) {
    return childrenOf(node).flatMap((child) => chainsUnder(child));
  }
  const [root = '', ...segments] = chain;
  return ROOTS.includes(root) && segments.length > 0 ? [segments.join('.')] : [];
}

/** A name with the fields selected from it, or null for any other node. */
function chainOf(node: Node): readonly string[] | null {
  const kind = node.exprKind;
  if (kind.case === 'identExpr') {
    return [kind.value.name];
  }
  if (kind.case !== 'selectExpr' || kind.value.operand === undefined) {
    return null;
  }
  const operand = chainOf(kind.value.operand);
  return operand === null ? null : [...operand, kind.value.field];
}

function guarded(read: (work: Work) => readonly string[]): readonly string[] {
  try {
    return read(new Work());
  } catch (error) {
    if (error instanceof TooMuchWork || error instanceof RangeError) {
      return [];
    }
    throw error;
  }
}
