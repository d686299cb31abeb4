import { fieldLabel } from '../review/json-values.js';
import { expressionWords } from './expression-words.js';
import type { JsonCondition, Predicate, SubCondition } from '../../../src/domain/definition.js';

/** When a predicate fires, as the end of a sentence that begins with "opens when". */
export function predicateWords(predicate: Predicate): string {
  switch (predicate.kind) {
    case 'always':
      return 'it is reached';
    case 'validation_failed':
      return 'the output breaks its schema';
    case 'any_required_field_null':
      return 'a required field has no value';
    case 'confidence_lt':
      return `the confidence is below ${predicate.threshold}`;
    case 'category_in':
      return `the category is ${either(predicate.categories)}`;
    case 'top_margin_lt':
      return `the first category leads the second by less than ${predicate.margin} of the votes`;
    case 'split_count_neq':
      return `there are not exactly ${predicate.expected} documents`;
    case 'any_split_pages_lt':
      return `a document has fewer than ${predicate.min_pages} pages`;
    case 'boundary_confidence_lt':
      return `the confidence of a page is below ${predicate.threshold}`;
    case 'any_pages_unassigned':
      return 'a page is in no part';
    case 'json_condition':
      return conditionWords(predicate.condition);
    case 'expression':
      return expressionPredicateWords(predicate.expression);
    case 'any_of':
      return joined(predicate.predicates, ' or ');
    case 'all_of':
      return joined(predicate.predicates, ' and ');
  }
}

function expressionPredicateWords(expression: string): string {
  const words = expressionWords(expression);
  return words === null
    ? `${expression} holds, or cannot be told`
    : `${words}, or that cannot be told`;
}

function joined(predicates: readonly Predicate[], word: string): string {
  return predicates
    .map((inner) => {
      const words = predicateWords(inner);
      const isNested = inner.kind === 'any_of' || inner.kind === 'all_of';
      return isNested && predicates.length > 1 ? `(${words})` : words;
    })
    .join(word);
}

function conditionWords({
  logical_operator: operator,
  sub_conditions: parts,
}: JsonCondition): string {
  return parts.map(comparisonWords).join(operator === 'or' ? ' or ' : ' and ');
}

/** What operators are called where their own name does not read well. */
const OPERATORS: Readonly<Record<string, string>> = {
  exists: 'has a value',
  does_not_exist: 'has no value',
  matches_regex: 'matches',
  length_equal_to: 'has exactly this many items:',
  length_greater_than: 'has more items than',
  length_less_than: 'has fewer items than',
};

function comparisonWords({ path, path_ref: ref, operator, value }: SubCondition): string {
  const where = (path ?? ref?.path ?? '')
    .replace(/^(?:data|output-json-0)\./, '')
    .split('.')
    .map((key) => (key === '*' ? 'every item' : fieldLabel(key)))
    .join(' › ');
  const words = OPERATORS[operator] ?? operator.replaceAll('_', ' ');
  return value === undefined ? `${where} ${words}` : `${where} ${words} ${JSON.stringify(value)}`;
}

function either(names: readonly string[]): string {
  return new Intl.ListFormat('en-GB', { type: 'disjunction' }).format(names);
}
