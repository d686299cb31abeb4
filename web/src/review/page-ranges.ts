/** Pages as people write them: `1–3, 7`. */
export function writePages(pages: readonly number[]): string {
  const ranges: string[] = [];
  for (let index = 0; index < pages.length; index += 1) {
    const first = pages[index] ?? 0;
    let last = first;
    while (pages[index + 1] === last + 1) {
      last += 1;
      index += 1;
    }
    ranges.push(first === last ? `${first}` : `${first}–${last}`);
  }
  return ranges.join(', ');
}

const MAX_PAGES = 100_000;

/** Reads `1-3, 7` (any dash, spaces at will) as ascending pages; a sentence where it is none. */
export function readPages(text: string): readonly number[] | string {
  const pages = new Set<number>();
  for (const part of text.split(/[,;]/).map((each) => each.trim())) {
    if (part === '') {
      continue;
    }
    const [, from, to] = /^(\d{1,6})(?:\s*[-–—]\s*(\d{1,6}))?$/.exec(part) ?? [];
    if (from === undefined) {
      return `"${part}" is no page and no range of pages: write for instance 1-3, 7.`;
    }
    const [first, last] = [Number(from), Number(to ?? from)];
    if (first < 1) {
      return 'Pages are counted from 1.';
    }
    if (last < first) {
      return `"${part}" runs backwards: write ${last}-${first}.`;
    }
    if (pages.size + last - first >= MAX_PAGES) {
      return 'These are too many pages.';
    }
    for (let page = first; page <= last; page += 1) {
      pages.add(page);
    }
  }
  return [...pages].toSorted((a, b) => a - b);
}
