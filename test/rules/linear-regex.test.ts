import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { compileRegex, type LinearRegex } from '../../src/rules/linear-regex.js';
import { TooMuchWork, Work } from '../../src/rules/work.js';
import { containing } from './containing.js';

function regex(pattern: string): LinearRegex {
  const result = compileRegex(pattern);
  if ('problem' in result) {
    throw new Error(result.problem);
  }
  return result;
}

describe('compileRegex', () => {
  test.each([
    ['b', 'abc', true],
    ['^b', 'abc', false],
    ['c$', 'abc', true],
    ['c$', 'abc\n', false],
    ['^a.c$', 'a\nc', false],
    ['(?i)ABC', 'xabcx', true],
    [String.raw`^\d{4}-\d{2}$`, '2026-05', true],
    [String.raw`^\d{4}-\d{2}$`, '２０２６-05', false],
    ['^[A-Z]{2}[0-9]{2}$', 'DE89', true],
    [String.raw`^\p{Lu}\pL+$`, 'Éa', true],
    [String.raw`\u0041\u{42}`, 'xABx', true],
    [String.raw`^[\u0061-\u0063]+$`, 'abc', true],
    [String.raw`^\ud83d\ude00$`, '\u{1F600}', true],
    [String.raw`^\\u0041$`, String.raw`\u0041`, true],
    ['', 'anything', true],
    ['(a|b)*c', '', false],
  ])('searches for %j in %j: %j', (pattern, text, expected) => {
    expect(regex(pattern).test(text, new Work())).toBe(expected);
  });

  test.each([
    ['(', 'missing closing )'],
    ['(?=a)', 'no look-around'],
    [String.raw`(a)\1`, 'no back-references'],
    ['a**', 'invalid nested repetition'],
    ['[z-a]', 'invalid character class range'],
    ['a{1001}', 'invalid repeat count'],
    ['((a{100}){100}){100}', 'invalid repeat count'],
    ['a{900}b{900}c{900}', 'repeats 2700 times in all; at most 2000 are accepted'],
    ['(abcd){900}', 'instructions; at most 2000 are accepted'],
    ['a'.repeat(1001), 'is a pattern of 1001 characters; at most 1000 are accepted'],
    ['('.repeat(500), "is not a pattern of RE2's syntax"],
  ])('refuses %j', (pattern, problem) => {
    expect(compileRegex(pattern)).toEqual({ problem: containing(problem) });
  });

  test.each(['(a+)+$x', '(a|a)*b', '(x+x+)+y', String.raw`^(\w+\s?)*$`, '(.*)*(.*)*=', '(a|a?)+$'])(
    'runs %j, which hangs a backtracking engine, in a moment',
    (pattern) => {
      expect(typeof regex(pattern).test(`${'a'.repeat(50_000)}!`, new Work())).toBe('boolean');
    },
  );

  test('counts the work, so that a text too long for a large program is refused before it starts', () => {
    const hostile = regex('[ab]*a[ab]{50}(a?){100}[cd]');
    const text = 'ab'.repeat(500_000);
    expect(() => hostile.test(text, new Work())).toThrow(TooMuchWork);
    expect(regex('^a+$').test(text, new Work())).toBe(false);
  });

  test('gives the same answers when a text has filled its memory of states', () => {
    const pattern = regex('(a|b)*a(a|b){12}[cd]');
    const texts = Array.from({ length: 64 }, (_, index) => index.toString(2).padStart(6, '0'));
    const text = texts.join('').replaceAll('0', 'a').replaceAll('1', 'b');
    expect(pattern.test(`${text}aaaaaaaaaaaaac`, new Work())).toBe(true);
    expect(pattern.test(text, new Work())).toBe(false);
    expect(pattern.test(`${text}aaaaaaaaaaaaac`, new Work())).toBe(true);
  });

  const atoms = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '(a|b)', '(ab)', '^', '$', 'c');
  const pieces = fc.tuple(atoms, fc.constantFrom('', '', '*', '+', '?', '{2}', '{1,2}'));
  const patterns = fc
    .array(pieces, { minLength: 1, maxLength: 6 })
    .map((parts) =>
      parts.map(([atom, times]) => (/[$^]/.test(atom) ? atom : atom + times)).join(''),
    );
  property.prop([patterns, fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 12 })])(
    'finds what JavaScript finds, where both know the syntax',
    (pattern, text) => {
      expect(regex(pattern).test(text, new Work())).toBe(new RegExp(pattern, 'u').test(text));
    },
  );
});
