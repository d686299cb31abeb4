import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { documents, ROOT } from './markdown.js';

/** A block of a document that is said to stand in a file, too. */
type Snippet = {
  readonly where: string;
  readonly file: string;
  readonly region: string;
  readonly code: string | null;
};

const MARK = /^<!-- from (\S+)#(\S+) -->$/;

/** Every marked block of the documents; `code` is null where no fence follows the mark directly. */
function snippets(): readonly Snippet[] {
  return documents().flatMap(({ path, text }) => {
    const lines = text.split('\n');
    return lines.flatMap((line, index) => {
      const [, file, region] = MARK.exec(line) ?? [];
      if (file === undefined || region === undefined) {
        return [];
      }
      return [{ where: `${path}:${index + 1}`, file, region, code: fenceAt(lines, index + 1) }];
    });
  });
}

function fenceAt(lines: readonly string[], index: number): string | null {
  const [fence] = /^`{3,}/.exec(lines[index] ?? '') ?? [];
  const end = fence === undefined ? -1 : lines.indexOf(fence, index + 1);
  return end === -1 ? null : lines.slice(index + 1, end).join('\n');
}

/**
 * What stands between `// #region name` and its `// #endregion`, without their common indent; null if nothing does.
 *
 * The end may say the name again, and has to where regions nest.
 */
function regionOf(text: string, name: string): string | null {
  const lines = text.split('\n').map((line) => ({ line, mark: line.trim() }));
  const start = lines.findIndex(({ mark }) => mark === `// #region ${name}`);
  const behind = lines.slice(start + 1);
  const named = behind.findIndex(({ mark }) => mark === `// #endregion ${name}`);
  const end = named === -1 ? behind.findIndex(({ mark }) => mark === '// #endregion') : named;
  if (start === -1 || end === -1) {
    return null;
  }
  // Marks of regions inside are no part of what is shown.
  const inside = behind.slice(0, end).filter(({ mark }) => !/^\/\/ #(end)?region\b/.test(mark));
  const indents = inside.filter(({ mark }) => mark !== '').map(({ line }) => line.search(/\S/));
  return inside.map(({ line }) => line.slice(Math.min(...indents))).join('\n');
}

describe('what the documents show of a file is what stands there', () => {
  const all = snippets();

  test('some do', () => {
    expect(all.length).toBeGreaterThan(0);
  });

  test.each(all)('$where', ({ file, region, code }) => {
    expect(existsSync(join(ROOT, file)), `${file} does not exist`).toBe(true);
    const inFile = regionOf(readFileSync(join(ROOT, file), 'utf8'), region);
    expect(inFile, `${file} has no region ${region}`).not.toBeNull();
    expect(code, 'no block of code follows the mark').not.toBeNull();
    expect(code).toBe(inFile);
  });
});

describe('a region', () => {
  const text = [
    'before',
    '  // #region outer',
    '  one',
    '',
    '    // #region inner',
    '    two',
    '    // #endregion inner',
    '  // #endregion outer',
    '// #region plain',
    'three',
    '// #endregion',
    '// #region open',
  ].join('\n');

  test.each([
    ['outer', 'one\n\n  two'],
    ['inner', 'two'],
    ['plain', 'three'],
    ['open', null],
    ['none', null],
  ])('%s', (name, shown) => {
    expect(regionOf(text, name)).toBe(shown);
  });
});
