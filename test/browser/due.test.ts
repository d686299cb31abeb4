import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../support/until.js';
import { clientOf, violations, type Visit } from './browser.js';
import { useWindows } from './windows.js';

const admin = clientOf('admin');
/** Gates in the order in which they open: the other way round of how they are due. */
const GATES = [
  { id: 'due-never', name: 'Whenever' },
  { id: 'due-soon', name: 'Wanted soon', due_in: '3h' },
  { id: 'due-over', name: 'Past its time', due_in: '0s' },
] as const;

const { open } = useWindows();
const runIds: string[] = [];

beforeAll(async () => {
  for (const { id, ...review } of GATES) {
    const executor = { kind: 'supplied' };
    const gate = { ...review, reviewers: [{ id: 'kim' }] };
    await admin.workflows.put(id, {
      blocks: [{ id: 'look', type: 'task', executor, review: gate }],
    });
    const run = await admin.runs.start({ workflow_id: id, json_inputs: { look: { n: 1 } } });
    runIds.push(run.id);
    await until(`the review of ${run.id}`, async () => {
      const { data } = await admin.reviews.list({ run_id: run.id }).page();
      return data[0];
    });
  }
});

afterAll(async () => {
  // Kim's queue is looked at by other tests as well.
  await Promise.all(runIds.map((id) => admin.runs.cancel(id)));
});

async function asKim(size: 'wide' | 'narrow' = 'wide'): Promise<Visit> {
  return await open('kim', { size });
}

async function titles(page: Page): Promise<readonly string[]> {
  return await page.locator('a.row-link').allTextContents();
}

test('the queue is sorted by what is due, marks what is overdue, and can show that alone', async () => {
  const { page, go, settled } = await asKim();
  await go('/?search=due-');
  expect(await titles(page)).toEqual(['Past its time', 'Wanted soon', 'Whenever']);
  const row = (name: string) => page.getByRole('row').filter({ hasText: name });
  await row('Past its time')
    .getByText(/^overdue/)
    .waitFor();
  await row('Wanted soon').getByText('due in 2 h').waitFor();
  expect(await row('Whenever').locator('.due').count()).toBe(0);
  expect(await violations(page)).toEqual([]);

  await page
    .getByRole('combobox', { name: 'Order', exact: true })
    .selectOption({ label: 'Oldest first' });
  await page.waitForURL(/order=oldest/);
  await settled();
  expect(await titles(page)).toEqual(['Whenever', 'Wanted soon', 'Past its time']);

  await page.getByRole('combobox', { name: 'Age', exact: true }).selectOption({ label: 'Overdue' });
  await page.waitForURL(/overdue=true/);
  await settled();
  expect(await titles(page)).toEqual(['Past its time']);
  await page.getByRole('combobox', { name: 'Age', exact: true }).selectOption({ label: 'Any age' });
  await settled();
  expect(await titles(page)).toHaveLength(3);
});

test('a review says when it is due, and its workflow by what rule', async () => {
  const { page, go } = await asKim('narrow');
  await go('/?search=due-');
  await page.getByText('due in 2 h').waitFor();
  expect(await violations(page)).toEqual([]);
  await page.getByRole('link', { name: 'Wanted soon' }).click();
  await page.getByRole('heading', { level: 1, name: 'Wanted soon' }).waitFor();
  await page.getByText(/^Opened .*, due in 2 h/).waitFor();
  await go('/workflows/due-soon');
  await page.getByText('Due 3 hours after it opened.').waitFor();
});
