import type { BlockType, JsonCondition, Placement, SubCondition } from '../domain/definition.js';
import type { Json } from '../domain/json.js';
import { OPERATORS, type Found } from './condition-operators.js';
import { describe, oneOf, type Problem } from './problem.js';
import { childOf, isJsonList, own } from './schema-tree.js';
import type { Work } from './work.js';

/** What a `json_condition` is evaluated on. */
export type ConditionSubject = {
  readonly data: Json;
  /** Null if no consensus ran. */
  readonly likelihoods: Json | null;
};

const MAX_PATH_LENGTH = 500;
const MAX_SUB_CONDITIONS = 100;

/**
 * What is wrong with a condition that an author declares on a block of a type.
 *
 * The shape (which keys there are, and of which type) is the caller's to have checked.
 */
export function checkJsonCondition(
  condition: JsonCondition,
  blockType: BlockType,
  placement: Placement,
): readonly Problem[] {
  const { sub_conditions: subConditions } = condition;
  if (subConditions.length === 0 || subConditions.length > MAX_SUB_CONDITIONS) {
    return [
      {
        path: ['sub_conditions'],
        message: `expected 1 to ${MAX_SUB_CONDITIONS} sub-conditions, got ${subConditions.length}`,
      },
    ];
  }
  const roots = rootsOf(blockType, placement);
  return subConditions.flatMap((sub, index) => {
    const path = ['sub_conditions', index];
    return [...checkPath(sub, path, roots), ...checkOperator(sub, path)];
  });
}

/** True if a condition looks at likelihoods, which are there only when a consensus ran. */
export function readsLikelihoods(condition: JsonCondition): boolean {
  return condition.sub_conditions.some((sub) => rootOf(sub) === 'likelihoods');
}

/**
 * Whether a condition holds, and in words why.
 *
 * A sub-condition over likelihoods holds when no consensus ran: what cannot be known must not pass in silence.
 */
export function evaluateJsonCondition(
  condition: JsonCondition,
  subject: ConditionSubject,
  work: Work,
): { readonly holds: boolean; readonly because: string } {
  const { logical_operator: operator = 'and', sub_conditions: subConditions } = condition;
  if (subConditions.length === 0) {
    return { holds: true, because: 'the condition has no sub-conditions' };
  }
  const deciding = operator === 'or';
  for (const sub of subConditions) {
    const { holds, because } = evaluateSub(sub, subject, work);
    if (holds === deciding) {
      return { holds, because };
    }
  }
  return {
    holds: !deciding,
    because: deciding ? 'no sub-condition holds' : 'every sub-condition holds',
  };
}

function evaluateSub(
  sub: SubCondition,
  subject: ConditionSubject,
  work: Work,
): { readonly holds: boolean; readonly because: string } {
  const [root, ...segments] = pathOf(sub).split('.');
  const operator = own(OPERATORS, sub.operator);
  if (root === 'likelihoods' && subject.likelihoods === null) {
    return { holds: true, because: 'no consensus ran, so there are no likelihoods to compare' };
  }
  const start = root === 'likelihoods' ? subject.likelihoods : subject.data;
  const holds =
    operator !== undefined &&
    holdsAlong(start, segments, (found) => operator.holds(found, sub.value ?? null, work), work);
  const value = sub.value === undefined || sub.value === null ? '' : ` ${describe(sub.value)}`;
  return {
    holds,
    because: `${pathOf(sub)} ${sub.operator}${value} ${holds ? 'holds' : 'does not hold'}`,
  };
}

/** Follows a path, and at every `*` asks for all elements; a list without elements does not match. */
function holdsAlong(
  value: Found,
  segments: readonly string[],
  test: (found: Found) => boolean,
  work: Work,
): boolean {
  work.spend(20);
  const [segment, ...rest] = segments;
  if (segment === undefined) {
    return test(value);
  }
  if (segment === '*' && isJsonList(value)) {
    return value.length > 0 && value.every((item) => holdsAlong(item, rest, test, work));
  }
  return holdsAlong(childOf(value, segment), rest, test, work);
}

function checkPath(
  sub: SubCondition,
  at: readonly (string | number)[],
  roots: readonly string[],
): readonly Problem[] {
  if ((sub.path === undefined) === (sub.path_ref === undefined)) {
    const given = sub.path === undefined ? 'neither' : 'both';
    return [{ path: at, message: `expected either path or path_ref, got ${given}` }];
  }
  const path = sub.path === undefined ? [...at, 'path_ref', 'path'] : [...at, 'path'];
  const text = pathOf(sub);
  if (text.length > MAX_PATH_LENGTH) {
    return [
      {
        path,
        message: `takes ${text.length} characters; at most ${MAX_PATH_LENGTH} are accepted`,
      },
    ];
  }
  if (!roots.includes(rootOf(sub))) {
    return [
      {
        path,
        message: `expected a path that begins with ${oneOf(roots)}, got ${describe(text)}`,
      },
    ];
  }
  return text.split('.').includes('')
    ? [{ path, message: `expected segments joined by single dots, got ${describe(text)}` }]
    : [];
}

function checkOperator(sub: SubCondition, at: readonly (string | number)[]): readonly Problem[] {
  const operator = own(OPERATORS, sub.operator);
  if (operator === undefined) {
    return [
      {
        path: [...at, 'operator'],
        message: `expected ${oneOf(Object.keys(OPERATORS))}, got ${describe(sub.operator)}`,
      },
    ];
  }
  const fault = operator.checkValue(sub.value);
  return fault === null ? [] : [{ path: [...at, 'value'], message: fault }];
}

function rootsOf(blockType: BlockType, placement: Placement): readonly string[] {
  if (placement === 'input') {
    // Before a block has run there is neither an output nor a consensus.
    return ['data'];
  }
  return blockType === 'extract'
    ? ['data', 'output-json-0', 'likelihoods']
    : ['data', 'likelihoods'];
}

function pathOf(sub: SubCondition): string {
  return sub.path ?? sub.path_ref?.path ?? '';
}

function rootOf(sub: SubCondition): string {
  return pathOf(sub).split('.')[0] ?? '';
}
