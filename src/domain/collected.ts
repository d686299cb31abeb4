/** What one iteration came to: its item, and the output of each block that no other of the body needs. */
export type CollectedIteration = {
  readonly iterationKey: string;
  /** Canonical text. */
  readonly item: string;
  /** Canonical texts by block id; a block that was skipped has none. */
  readonly outputs: ReadonlyMap<string, string>;
};

/**
 * What a for_each hands on, as canonical text: its iterations in the order given, each with its output.
 *
 * The output of an iteration is that of the body's one last block, or an object by block id where
 * several are last; null stands for what was skipped. Canonical texts are put together as they are,
 * so that what was approved is passed on byte for byte: keys are written in the order of RFC 8785.
 *
 * @param sinks the ids of the last blocks, in ascending order
 */
export function collectedText(
  iterations: readonly CollectedIteration[],
  sinks: readonly string[],
): string {
  const entries = iterations.map(
    ({ iterationKey, item, outputs }) =>
      `{"item":${item},"iteration_key":"${iterationKey}","output":${outputText(outputs, sinks)}}`,
  );
  return `{"iterations":[${entries.join(',')}]}`;
}

function outputText(outputs: ReadonlyMap<string, string>, sinks: readonly string[]): string {
  const textOf = (id: string): string => outputs.get(id) ?? 'null';
  const [only, ...others] = sinks;
  return only !== undefined && others.length === 0
    ? textOf(only)
    : `{${sinks.map((id) => `${JSON.stringify(id)}:${textOf(id)}`).join(',')}}`;
}
