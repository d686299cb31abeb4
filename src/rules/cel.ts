import {
  CelScalar,
  celEnv,
  celFunc,
  celMethod,
  celType,
  isCelError,
  plan,
  type CelInput,
  type CelResult,
} from '@bufbuild/cel';
import type { Placement } from '../domain/definition.js';
import type { Json, JsonObject } from '../domain/json.js';
import { BoundedCache } from './bounded-cache.js';
import { budgetFunctions, withBudget } from './cel-budget.js';
import { correctedFunctions } from './cel-functions.js';
import { chainOf } from './cel-parts.js';
import { childrenOf, parseExpression, positionOf, type Node, type Parsed } from './cel-syntax.js';
import { roughSize, toCelValue } from './cel-values.js';
import { compileRegex } from './linear-regex.js';
import { describe, oneOf, type Problem } from './problem.js';
import { Work } from './work.js';

/** What an expression may speak of, by where its gate stands. */
const ROOTS = { output: ['output', 'likelihoods'], input: ['input'] } as const satisfies Record<
  Placement,
  readonly string[]
>;

/** The names of types, as in `type(output.total) == double`. */
const TYPE_NAMES = [
  'bool',
  'bytes',
  'double',
  'int',
  'list',
  'map',
  'null_type',
  'string',
  'type',
  'uint',
];

/** How much of an expression is shown before it is cut, and how much of several parts of one. */
const MAX_SHOWN = 200;
const MAX_EXPLAINED = 600;

/** The most that an expression is shown, in characters of JSON, roughly. */
const MAX_SEEN = 1024 * 1024;

type Evaluate = (bindings: { readonly [root: string]: CelInput }) => CelResult;

const compiled = new BoundedCache<
  string,
  { readonly evaluate: Evaluate } | { readonly fault: string }
>(200);

/** The work of the evaluation that runs now. Evaluations are synchronous, so that there is only one. */
let current = new Work();

const { BOOL, STRING } = CelScalar;

function found(text: string, pattern: string): boolean {
  const regex = compileRegex(pattern);
  if ('problem' in regex) {
    throw new Error(`the pattern ${regex.problem}`);
  }
  return regex.test(text, current);
}

const environment = celEnv({
  funcs: [
    ...correctedFunctions,
    ...budgetFunctions(() => current),
    celMethod('matches', STRING, [STRING], BOOL, function (pattern) {
      return found(this, pattern);
    }),
    // The specification has it as a function too.
    celFunc('matches', [STRING, STRING], BOOL, found),
  ],
});

/** For each function the ways to call it: on a target or not, with how many arguments. */
const overloads = new Map<string, Set<string>>();
for (const { name, target, arguments: parameters } of environment.funcs) {
  const forms = overloads.get(name) ?? new Set();
  overloads.set(name, forms.add(form(target !== undefined, parameters.length)));
}

/** Operators that the planner knows and that are no functions. */
const OPERATORS = new Set(['_[_]', '_?_:_', '_&&_', '_||_', '@not_strictly_false']);

const MACROS = ['all', 'exists', 'exists_one', 'existsOne', 'filter', 'map', 'has'];

/**
 * What is wrong with an expression that an author declares; null if nothing is.
 *
 * Beside its syntax: parsing finds neither unknown functions nor unknown names, which fail only when they are reached
 * (`true || nope(1)` is true), so the tree is walked.
 */
export function checkExpression(source: string, placement: Placement): Problem | null {
  const result = parseExpression(source);
  const fault =
    'fault' in result ? result.fault : firstFault(result.parsed, source, ROOTS[placement]);
  return fault === null ? null : { path: [], message: `the expression ${fault}` };
}

/** True if an expression speaks of a root such as `likelihoods`. */
export function expressionReads(source: string, root: string): boolean {
  const result = parseExpression(source);
  return !('fault' in result) && reads(result.parsed.expr, root);
}

/** What an expression is evaluated on: the block's output, with the likelihoods if consensus ran; or its input. */
export type Bindings =
  { readonly output: Json; readonly likelihoods: Json | null } | { readonly input: Json };

/**
 * Evaluates an expression, failing closed: anything but `false` opens the gate, and `because` says what it was.
 *
 * It never throws. An error in the expression, a value that is no boolean, more data than an expression is shown and more
 * work than it may cost all open.
 *
 * @param schema the block's JSON Schema, by which numbers of `output` are ints or doubles
 */
export function evaluateExpression(
  source: string,
  bindings: Bindings,
  schema: JsonObject | null,
  work = new Work(),
): { readonly opens: boolean; readonly because: string } {
  current = work;
  try {
    const result = compile(source);
    if ('fault' in result) {
      return { opens: true, because: `the expression ${result.fault}` };
    }
    if (roughSize(Object.values(bindings), MAX_SEEN) > MAX_SEEN) {
      return {
        opens: true,
        because: `the expression may see ${MAX_SEEN} characters; there are more`,
      };
    }
    const value = result.evaluate(toCelBindings(bindings, schema, work));
    const { opens, because } =
      value === true && source.length > MAX_SHOWN
        ? { opens: true, because: whyTrue(source, bindings, schema) }
        : verdict(source, value);
    const lacksLikelihoods = 'likelihoods' in bindings && bindings.likelihoods === null;
    return isCelError(value) && lacksLikelihoods && expressionReads(source, 'likelihoods')
      ? { opens, because: `${because} (no consensus ran, so there are no likelihoods)` }
      : { opens, because };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return { opens: true, because: `the expression failed: ${text}` };
  }
}

function verdict(
  source: string,
  value: CelResult,
): { readonly opens: boolean; readonly because: string } {
  if (isCelError(value)) {
    return { opens: true, because: `the expression failed: ${value.message}` };
  }
  if (typeof value === 'boolean') {
    return { opens: value, because: `${short(source)} is ${value}` };
  }
  return {
    opens: true,
    because: `${short(source)} is a ${celType(value).name}, neither true nor false`,
  };
}

/**
 * Why a long expression is true: the parts of an `||` that are, or all those of an `&&`, as many as can be shown.
 *
 * It only explains: whatever goes wrong here, the expression was true.
 */
function whyTrue(source: string, bindings: Bindings, schema: JsonObject | null): string {
  const chain = chainOf(source);
  const parts = chain?.parts ?? [];
  const work = new Work();
  const held =
    chain?.operator === '&&' ? parts : parts.filter((part) => isTrue(part, bindings, schema, work));
  const shown: string[] = [];
  for (const part of held) {
    if (shown.length > 0 && shown.join('').length + part.length > MAX_EXPLAINED) {
      break;
    }
    shown.push(`${short(part)} is true`);
  }
  const rest = held.length - shown.length;
  return shown.length === 0
    ? `${short(source)} is true`
    : [...shown, ...(rest === 0 ? [] : [`and ${rest} more`])].join('; ');
}

function isTrue(part: string, bindings: Bindings, schema: JsonObject | null, work: Work): boolean {
  current = work;
  try {
    const result = parseExpression(`${part}\n`);
    return (
      'parsed' in result &&
      plan(environment, withBudget(result.parsed.expr))(toCelBindings(bindings, schema, work)) ===
        true
    );
  } catch {
    return false;
  }
}

function compile(source: string): { readonly evaluate: Evaluate } | { readonly fault: string } {
  return compiled.getOrMake(source, () => {
    const result = parseExpression(source);
    if ('fault' in result) {
      return result;
    }
    return { evaluate: plan(environment, withBudget(result.parsed.expr)) };
  });
}

function toCelBindings(
  bindings: Bindings,
  schema: JsonObject | null,
  work: Work,
): { readonly [root: string]: CelInput } {
  // Without a prototype, because the library would find `constructor` and `toString` on it.
  if ('input' in bindings) {
    return { __proto__: null, input: toCelValue(bindings.input, null, work) };
  }
  const output = toCelValue(bindings.output, schema, work);
  return bindings.likelihoods === null
    ? { __proto__: null, output }
    : { __proto__: null, output, likelihoods: toCelValue(bindings.likelihoods, null, work) };
}

function firstFault(parsed: Parsed, source: string, roots: readonly string[]): string | null {
  const visit = (node: Node, names: ReadonlySet<string>): string | null => {
    const fault = faultOf(node, names);
    if (fault !== null) {
      return `cannot be accepted at ${positionOf(parsed, source, node)}: it ${fault}`;
    }
    for (const child of childrenOf(node)) {
      const faultInside = visit(child, namesFor(child, node, names));
      if (faultInside !== null) {
        return faultInside;
      }
    }
    return null;
  };
  const faultOf = (node: Node, names: ReadonlySet<string>): string | null => {
    const kind = node.exprKind;
    if (kind.case === 'identExpr') {
      return names.has(kind.value.name)
        ? null
        : `has the unknown name ${kind.value.name} (it may speak of ${oneOf(roots)})`;
    }
    if (kind.case === 'structExpr' && kind.value.messageName !== '') {
      return `builds a message ${kind.value.messageName}, which expressions may not`;
    }
    return kind.case === 'callExpr'
      ? callFault(kind.value.function, kind.value.target, kind.value.args)
      : null;
  };
  return visit(parsed.expr, new Set([...roots, ...TYPE_NAMES]));
}

/** The names that a child knows: a loop adds its variable, for all but what it loops over. */
function namesFor(child: Node, node: Node, names: ReadonlySet<string>): ReadonlySet<string> {
  const kind = node.exprKind;
  return kind.case === 'comprehensionExpr' && child !== kind.value.iterRange
    ? new Set([...names, kind.value.iterVar, kind.value.accuVar])
    : names;
}

function callFault(name: string, target: Node | undefined, args: readonly Node[]): string | null {
  if (OPERATORS.has(name)) {
    return null;
  }
  const forms = overloads.get(name);
  if (forms === undefined) {
    return MACROS.includes(name)
      ? `calls ${name}() in a form it does not have (as in x.all(y, y > 0) and has(x.y))`
      : `calls the unknown function ${name}()`;
  }
  if (!forms.has(form(target !== undefined, args.length))) {
    return `calls ${name}() with ${args.length} arguments${target === undefined ? '' : ' on a value'}, a form it does not have`;
  }
  if (name !== 'matches') {
    return null;
  }
  // A literal can be checked when it is declared, and data never becomes a pattern.
  const pattern = args.at(-1)?.exprKind;
  if (pattern?.case !== 'constExpr' || pattern.value.constantKind.case !== 'stringValue') {
    return 'calls matches() with a pattern that is not a literal string';
  }
  const regex = compileRegex(pattern.value.constantKind.value);
  return 'problem' in regex
    ? `calls matches() with ${describe(pattern.value.constantKind.value)}, which ${regex.problem}`
    : null;
}

function form(hasTarget: boolean, count: number): string {
  return `${hasTarget ? 'method' : 'function'}/${count}`;
}

function reads(node: Node, root: string): boolean {
  return (
    (node.exprKind.case === 'identExpr' && node.exprKind.value.name === root) ||
    childrenOf(node).some((child) => reads(child, root))
  );
}

function short(source: string): string {
  return source.length > MAX_SHOWN ? `${source.slice(0, MAX_SHOWN - 3)}...` : source;
}
