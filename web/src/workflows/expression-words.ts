import { fieldLabel } from '../review/json-values.js';

const COMPARISON =
  /^(?:output|input)((?:\.\w+)+) (==|!=|<=|>=|<|>) (null|true|false|"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?)$/;

const VERBS: Readonly<Record<string, string>> = {
  '==': 'is',
  '!=': 'is not',
  '>': 'is more than',
  '>=': 'is at least',
  '<': 'is less than',
  '<=': 'is at most',
};

/**
 * An expression in words, where it only compares fields with values; null where it does more.
 *
 * What is not understood as a whole is better shown as the code it is than told in part.
 */
export function expressionWords(expression: string): string | null {
  // Neither brackets nor a text with an operator in it get past the comparisons.
  return joined(expression.split(' || '), ' or ', (part) =>
    joined(part.split(' && '), ' and ', comparisonWords),
  );
}

function joined(
  parts: readonly string[],
  word: string,
  wordsOf: (part: string) => string | null,
): string | null {
  const words = parts.map(wordsOf).filter((each) => each !== null);
  return words.length === parts.length ? words.join(word) : null;
}

function comparisonWords(text: string): string | null {
  const [, path, operator = '', literal = ''] = COMPARISON.exec(text) ?? [];
  if (path === undefined) {
    return null;
  }
  const field = path.slice(1).split('.').map(fieldLabel).join(' › ');
  if (literal === 'null') {
    return operator === '==' || operator === '!='
      ? `${field} has ${operator === '==' ? 'no' : 'a'} value`
      : null;
  }
  return `${field} ${VERBS[operator] ?? operator} ${valueWords(literal)}`;
}

/** Numbers as people write them: CEL's doubles end in `.0`. */
function valueWords(literal: string): string {
  return /^-?\d/.test(literal)
    ? Number(literal).toLocaleString('en-GB', { maximumFractionDigits: 20 })
    : literal;
}
