import { beforeAll, describe, expect, test } from 'vitest';
import type { Review, Run } from '../../src/client/index.js';
import { until } from '../support/until.js';
import { clientOf, violations } from './browser.js';
import { useWindows } from './windows.js';

const { on } = useWindows();

beforeAll(async () => {
  await clientOf('admin').workflows.put('pile-of-bills', {
    name: 'Pile of bills',
    blocks: [
      {
        id: 'each',
        type: 'for_each',
        label: 'Each bill',
        executor: { kind: 'pass' },
        body: [
          {
            id: 'check',
            type: 'task',
            label: 'Check the bill',
            executor: { kind: 'pass' },
            review: {
              name: 'High bill',
              when: 'output.total > 100',
              groups: ['finance'],
              on_reject: 'drop',
            },
          },
          { id: 'book', type: 'task', label: 'Book the bill', executor: { kind: 'pass' } },
        ],
      },
      { id: 'report', type: 'task', label: 'Report', executor: { kind: 'pass' } },
    ],
  });
});

async function startPile(
  totals: readonly number[] = [500, 20, 700],
): Promise<{ readonly run: Run; readonly reviews: readonly Review[] }> {
  const admin = clientOf('admin');
  const run = await admin.runs.start({
    workflow_id: 'pile-of-bills',
    json_inputs: { each: totals.map((total) => ({ total })) },
  });
  const high = totals.filter((total) => total > 100).length;
  const reviews = await until(`the reviews of ${run.id}`, async () => {
    const { data } = await admin.reviews.list({ run_id: run.id }).page();
    return data.length === high ? data : null;
  });
  return {
    run,
    reviews: reviews.toSorted((a, b) => Number(a.iteration_key) - Number(b.iteration_key)),
  };
}

describe('a loop', () => {
  test('says of each review which item it is about', async () => {
    const { run, reviews } = await startPile();
    const { page, go } = await on(`/?run_id=${run.id}`, 'dana');
    await page.getByRole('link', { name: 'High bill, item 1', exact: true }).waitFor();
    await page.getByRole('link', { name: 'High bill, item 3', exact: true }).press('Enter');
    await page.getByRole('heading', { level: 1, name: 'High bill, item 3' }).waitFor();
    await until('the title', async () => (await page.title()).startsWith('High bill, item 3'));
    await page.getByRole('link', { name: 'Check the bill, item 3' }).waitFor();
    await go(`/reviews/${reviews[0]?.id ?? ''}`);
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe('High bill, item 1');
  });

  test('shows on the page of its run how far every item has come, and which waits', async () => {
    const { run, reviews } = await startPile();
    const [first, third] = reviews;
    const { page, settled } = await on(`/runs/${run.id}`, 'dana');
    const items = page.getByRole('region', { name: 'Each bill, item by item' });
    await page.getByText('1 of 3 done, 2 wait for people').waitFor();
    expect(await items.getByRole('row').allInnerTexts()).toEqual([
      expect.stringMatching(/^Item\s+Check the bill\s+Book the bill$/),
      expect.stringMatching(/^Item 1\s+Awaiting review\s+review\s+Pending$/i),
      expect.stringMatching(/^Item 2\s+Completed\s+Completed$/i),
      expect.stringMatching(/^Item 3\s+Awaiting review\s+review\s+Pending$/i),
    ]);
    await page.getByRole('listitem').filter({ hasText: 'High bill, item 1 waits' }).waitFor();
    await page.getByText('× 3').waitFor();
    expect(await violations(page)).toEqual([]);

    // It follows what others decide.
    await clientOf('sam').reviews.approve(first?.id ?? '', first?.newest_version_id ?? '');
    await page.getByText('2 of 3 done, 1 waits for people').waitFor();
    await items.getByRole('link', { name: 'Review of item 3' }).press('Enter');
    await page.getByRole('heading', { level: 1, name: 'High bill, item 3' }).waitFor();
    await settled();
    await page.keyboard.press('r');
    await page.getByText('the run goes on as its gate says').waitFor();
    await page.keyboard.type('Paid before.');
    await page.keyboard.press('Control+Enter');
    await page.getByText('Dana Rivera rejected version 1.').waitFor();
    expect((await clientOf('admin').reviews.get(third?.id ?? '')).status).toBe('REJECTED');
    const ended = await clientOf('admin').runs.waitFor(run.id, {
      signal: AbortSignal.timeout(60_000),
    });
    expect(ended.lifecycle.status).toBe('completed');
    await page.goto(`/runs/${run.id}`);
    await page.getByText('3 of 3 done').waitFor();
  });

  test('of many items shows the first, the others when asked, and always where it waits', async () => {
    const low = Array.from({ length: 100 }, () => 20);
    const high = Array.from({ length: 22 }, () => 500);
    const { run, reviews } = await startPile([...low, ...high]);
    const { page } = await on(`/runs/${run.id}`, 'dana');
    const items = page.getByRole('region', { name: 'Each bill, item by item' });
    await page.getByText('100 of 122 done, 22 wait for people').waitFor();
    await page.getByText('× 122').waitFor();
    expect(await items.getByRole('row').count()).toBe(101);
    const waits = page.getByRole('listitem').filter({ hasText: /High bill, item \d+ waits/ });
    expect(await waits.count()).toBe(20);

    await page.getByRole('button', { name: 'Show more items' }).press('Enter');
    await items.getByRole('row', { name: 'Item 122' }).waitFor();
    expect(await items.getByRole('row').count()).toBe(123);
    expect(await page.getByRole('button', { name: 'Show more items' }).count()).toBe(0);
    expect(await violations(page)).toEqual([]);
    // What was shown before stays, and follows what others decide.
    const last = reviews.at(-1);
    await clientOf('sam').reviews.approve(last?.id ?? '', last?.newest_version_id ?? '');
    await page.getByText('101 of 122 done, 21 wait for people').waitFor();

    await page.getByRole('link', { name: 'see all of this run in the queue' }).press('Enter');
    await page.getByRole('link', { name: 'High bill, item 121', exact: true }).waitFor();
    expect(await page.getByRole('link', { name: /^High bill, item/ }).count()).toBe(21);
    await clientOf('admin').runs.cancel(run.id);
  });
});
