/**
 * Assigns people to entries, one entry a person, so that as many entries as possible are filled.
 *
 * Entries are served in the order given, and an entry that has been filled stays filled (by
 * somebody), so an earlier entry is never given up for a later one: callers list what is required
 * before what is optional. This is Kuhn's augmenting-path algorithm for bipartite graphs.
 *
 * @param entryKeys the entries, most important first
 * @param candidates for each person, in order of preference, the entries they may fill
 * @returns entry key → index into `candidates`
 */
export function maximumMatching(
  entryKeys: readonly string[],
  candidates: readonly (readonly string[])[],
): ReadonlyMap<string, number> {
  const mayFill = new Map(
    entryKeys.map((key) => [
      key,
      candidates.flatMap((keys, person) => (keys.includes(key) ? [person] : [])),
    ]),
  );
  const personOf = new Map<string, number>();
  const entryOf = new Map<number, string>();

  const assign = (key: string, seen: Set<number>): boolean => {
    for (const person of mayFill.get(key) ?? []) {
      if (seen.has(person)) {
        continue;
      }
      seen.add(person);
      const held = entryOf.get(person);
      if (held === undefined || assign(held, seen)) {
        entryOf.set(person, key);
        personOf.set(key, person);
        return true;
      }
    }
    return false;
  };

  for (const key of entryKeys) {
    assign(key, new Set());
  }
  return personOf;
}
