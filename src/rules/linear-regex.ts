import { RE2JS } from '@bufbuild/re2';
import { BoundedCache } from './bounded-cache.js';
import type { Work } from './work.js';

/** A pattern that searches anywhere in a text, in time linear in the text. */
export type LinearRegex = {
  readonly pattern: string;
  /** True if the pattern is found; the work grows with the text and with the square of the program. */
  readonly test: (text: string, work: Work) => boolean;
};

const MAX_PATTERN_LENGTH = 1_000;
/** Instructions of the compiled program. `^.{1,500}$` has about 1,000. */
const MAX_PROGRAM = 2_000;

const compiled = new BoundedCache<string, LinearRegex | { readonly problem: string }>(200);

/**
 * Compiles a pattern of RE2's syntax, which has neither look-around nor back-references, or says why it cannot.
 *
 * JavaScript's own engine is never used for what users send: `^(\w+\s?)*$` alone would hang it for minutes. What
 * differs from JavaScript: `\s` is ASCII white space, and `.` stops at `\n` only.
 */
export function compileRegex(pattern: string): LinearRegex | { readonly problem: string } {
  if (pattern.length > MAX_PATTERN_LENGTH) {
    return {
      problem: `is a pattern of ${pattern.length} characters; at most ${MAX_PATTERN_LENGTH} are accepted`,
    };
  }
  return compiled.getOrMake(pattern, () => compileAnew(pattern));
}

function compileAnew(pattern: string): LinearRegex | { readonly problem: string } {
  // Repetitions are unrolled: a sum of counts bounds the program before any memory is taken for it.
  const counts = pattern.matchAll(/\{(\d+)(?:,(\d*))?\}/g);
  const unrolled = [...counts].reduce((sum, [, low, high]) => sum + Number(high || low), 0);
  if (unrolled > MAX_PROGRAM) {
    return { problem: `repeats ${unrolled} times in all; at most ${MAX_PROGRAM} are accepted` };
  }
  const source = fromUnicodeEscapes(pattern);
  let regex: RE2JS;
  try {
    regex = RE2JS.compile(source);
  } catch (error) {
    return { problem: reason(error) };
  }
  const instructions = regex.re2().prog.numInst();
  if (instructions > MAX_PROGRAM) {
    return {
      problem: `compiles to ${instructions} instructions; at most ${MAX_PROGRAM} are accepted`,
    };
  }
  // The engine's last resort takes up to the square of the program for a character: measured, 1.6 ns of it each.
  const stepsPerCharacter = 1 + (instructions * instructions) / 6;
  return {
    pattern,
    test: (text, work) => {
      work.spend(20 + text.length * stepsPerCharacter);
      const found = regex.test(text);
      if (regex.re2().dfa.stateCount > MAX_REMEMBERED_STATES) {
        regex = RE2JS.compile(source);
      }
      return found;
    },
  };
}

/** A hostile text makes the engine remember up to 10,000 states of several kilobytes: then it starts afresh. */
const MAX_REMEMBERED_STATES = 100;

/** JavaScript's `\u0041` and `\u{1F600}` in RE2's words; a pair of surrogates is one character. */
function fromUnicodeEscapes(pattern: string): string {
  return pattern.replace(
    /\\(?:u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})|u([0-9a-f]{4})|u\{([0-9a-f]{1,6})\}|[^])/gi,
    (escape: string, high?: string, low?: string, unit?: string, point?: string) => {
      if (high !== undefined && low !== undefined) {
        const pair = String.fromCharCode(Number.parseInt(high, 16), Number.parseInt(low, 16));
        return `\\x{${(pair.codePointAt(0) ?? 0).toString(16)}}`;
      }
      const code = unit ?? point;
      return code === undefined ? escape : `\\x{${code}}`;
    },
  );
}

function reason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const detail = text.replace('error parsing regexp: ', '');
  return `is not a pattern of RE2's syntax (no look-around, no back-references): ${detail}`;
}
