import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { readPages, writePages } from '../../web/src/review/page-ranges.js';
import { pageStrip } from '../../web/src/review/page-strip.js';

describe('pages as ranges', () => {
  test.each([
    ['1-3, 7', [1, 2, 3, 7]],
    [' 7 ; 1 – 3', [1, 2, 3, 7]],
    ['2, 2, 1-2', [1, 2]],
    ['', []],
    ['3-1', '"3-1" runs backwards: write 1-3.'],
    ['0', 'Pages are counted from 1.'],
    ['a', '"a" is no page and no range of pages: write for instance 1-3, 7.'],
    ['1-999999', 'These are too many pages.'],
  ])('reads %j', (text, expected) => {
    expect(readPages(text)).toEqual(expected);
  });

  property.prop([fc.uniqueArray(fc.integer({ min: 1, max: 60 }))])(
    'reads what it has written',
    (pages) => {
      const ascending = pages.toSorted((a, b) => a - b);
      expect(readPages(writePages(ascending))).toEqual(ascending);
    },
  );
});

describe('pageStrip', () => {
  test('finds pages that are in no part, and those in several', () => {
    const strip = pageStrip({
      documents: [
        { name: 'A', pages: [1, 2] },
        { name: 'B', pages: [2, 5] },
      ],
    });
    expect(strip).toMatchObject({ unassigned: [3, 4], shared: [2] });
    expect(strip?.pages.map(({ parts }) => parts)).toEqual([[0], [0, 1], [], [], [1]]);
  });

  test('reads partitions by their key, and counts pages that are listed as unassigned', () => {
    const strip = pageStrip({ partitions: [{ key: 'k', pages: [1] }], unassigned_pages: [3] });
    expect(strip).toMatchObject({ parts: [{ name: 'k', mark: 'A' }], unassigned: [2, 3] });
  });

  test('marks the 27th part differently from the first', () => {
    const documents = Array.from({ length: 27 }, (_, index) => ({
      name: `${index}`,
      pages: [index + 1],
    }));
    expect(pageStrip({ documents })?.parts.at(-1)?.mark).toBe('A2');
  });

  test.each([
    [{}],
    [{ documents: 3 }],
    [{ documents: [{ pages: [1] }] }],
    [{ documents: [{ name: 'x' }] }],
  ])('does not guess at %j', (snapshot) => {
    expect(pageStrip(snapshot)).toBeNull();
  });
});
