/** True if a key stands more than once in a list of keys. One that is no literal is not compared. */
export type StandsTwice<Keys extends readonly unknown[], Key, Found = false> = string extends Key
  ? false
  : Keys extends readonly [infer First, ...infer Rest]
    ? [First] extends [Key]
      ? Found extends true
        ? true
        : StandsTwice<Rest, Key, true>
      : StandsTwice<Rest, Key, Found>
    : false;

/** The names that stand more than once in a list, each once. */
export function repeated(names: readonly string[]): readonly string[] {
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
}
