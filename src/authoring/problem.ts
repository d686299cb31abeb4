declare const problem: unique symbol;

/** What an editor shows in place of a type where a definition is wrong: no value has it, and its name is the sentence. */
export interface Problem<Sentence extends string> {
  readonly [problem]: Sentence;
}

/** A definition that cannot be meant, with everything that is wrong with it, a sentence each. */
export class DefinitionError extends Error {
  override readonly name = 'DefinitionError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

/** The options that nobody reads: the compiler finds them, JavaScript does not. */
export function unknownOptions(options: object, accepted: readonly string[]): readonly string[] {
  return Object.keys(options)
    .filter((key) => !accepted.includes(key))
    .map((key) => `there is no option ${key}; there are ${accepted.join(', ')}`);
}

/** A value as a sentence shows it. */
export function quoted(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}
