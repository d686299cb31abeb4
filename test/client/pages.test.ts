import { describe, expect, test } from 'vitest';
import { type Page, type PageQuery, Pages } from '../../src/client/pages.js';

/** A list of numbers behind pages, and what was asked for. */
function numbers(count: number, byDefault = 2, maxLimit = 3) {
  const asked: PageQuery[] = [];
  const list = new Pages<number>(async (query): Promise<Page<number>> => {
    asked.push(query);
    const first = Number(query.after ?? 0) + 1;
    const last = Math.min(count, first + (query.limit ?? byDefault) - 1);
    const data = Array.from({ length: last - first + 1 }, (_, index) => first + index);
    return { data, list_metadata: { before: null, after: last < count ? String(last) : null } };
  }, maxLimit);
  return { list, asked };
}

describe('Pages', () => {
  test('are walked row by row to the end', async () => {
    const { list, asked } = numbers(5);
    const rows: number[] = [];
    for await (const row of list) {
      rows.push(row);
    }
    expect(rows).toEqual([1, 2, 3, 4, 5]);
    expect(asked).toEqual([{}, { after: '2' }, { after: '4' }]);
  });

  test('ask for no more than is walked', async () => {
    const { list, asked } = numbers(100);
    for await (const row of list) {
      if (row === 2) {
        break;
      }
    }
    expect(asked).toHaveLength(1);
  });

  test('can be walked again', async () => {
    const { list } = numbers(3);
    const walk = async (): Promise<number> => {
      let count = 0;
      for await (const page of list.pages()) {
        count += page.data.length;
      }
      return count;
    };
    expect([await walk(), await walk()]).toEqual([3, 3]);
  });

  test.each([
    [1, [1], '1', [{ limit: 1 }]],
    [3, [1, 2, 3], '3', [{ limit: 3 }]],
    [5, [1, 2, 3, 4, 5], '5', [{ limit: 3 }, { after: '3', limit: 2 }]],
    [
      50,
      [1, 2, 3, 4, 5, 6, 7],
      null,
      [{ limit: 3 }, { after: '3', limit: 3 }, { after: '6', limit: 3 }],
    ],
  ])('give the first %i rows as one page', async (count, rows, after, queries) => {
    const { list, asked } = numbers(7);
    expect(await list.take(count)).toEqual({
      data: rows,
      list_metadata: { before: null, after },
    });
    expect(asked).toEqual(queries);
  });

  test('of nothing have no rows', async () => {
    const { list } = numbers(0);
    expect((await list.take(10)).data).toEqual([]);
  });

  test('do not go round in circles with a server that repeats its cursor', async () => {
    const list = new Pages<number>(
      async () => ({ data: [1], list_metadata: { before: null, after: 'x' } }),
      10,
    );
    await expect(list.take(3)).rejects.toThrow("the page after 'x' with the same cursor again");
  });
});
