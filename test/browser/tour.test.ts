import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { DEMO_PEOPLE } from '../../src/cli/demo-people.js';
import { document, section } from '../docs/markdown.js';
import { startChromium } from '../support/chromium.js';
import { clientOf, linkFor, visit } from './browser.js';

const TOUR = section(document('README.md').text, '### In the browser');

let browser: Browser;

beforeAll(async () => {
  browser = await startChromium();
});
afterAll(() => browser?.close());

test('the tour in the browser goes as README says', async () => {
  const [dana] = DEMO_PEOPLE;
  expect(TOUR).toContain(`\`sign in once as ${[dana?.name, ...(dana?.groups ?? [])].join(', ')}\``);
  // What README tells people to press and to look at, in its order: the page has to show these very words.
  const names = [...TOUR.matchAll(/\*\*(.+?)\*\*/gs)].map(([, name = '']) => name);
  expect(names).toHaveLength(12);
  const [signIn = '', check = '', stopped = '', approvals = '', ...rest] = names;
  const [correct = '', reference = '', save = '', changes = '', approve = '', ...end] = rest;
  const [wentOn = '', block = '', completed = ''] = end;

  const here = await visit(browser, null);
  onTestFinished(() => here.close());
  const { page, go } = here;
  await go(`/signin/link/${await linkFor('dana')}`);
  await press(page, signIn);
  await page.getByRole('heading', { level: 1, name: 'Inbox' }).waitFor();

  // Other tests have put other reviews into this queue; README's reader sees but one.
  await go('/?workflow_id=invoice-intake&order=oldest');
  await page.getByRole('link', { name: check }).first().click();
  await page.getByRole('heading', { level: 1, name: check }).waitFor();
  const reviewId = new URL(page.url()).pathname.split('/').at(-1) ?? '';
  const why = page.getByRole('region', { name: 'Why it stopped here' });
  await why.getByText(stopped).waitFor();
  await why.getByText(/10.?000/).waitFor();
  await page.getByText('stopped the run').waitFor();
  await page.getByRole('heading', { name: 'Source document' }).waitFor();
  await page.getByRole('region', { name: approvals }).getByText('Dana Rivera').first().waitFor();

  await press(page, correct);
  await page.getByLabel(reference).fill('KST 4711');
  await press(page, save);
  await page.getByRole('status').getByText('Saved as a new version').waitFor();
  await press(page, changes);
  await page.getByRole('row', { name: reference }).getByText('KST 4711').waitFor();
  await press(page, approve);
  await page.getByText(wentOn).waitFor();

  const above = page.getByRole('navigation', { name: 'Breadcrumb' });
  await above.getByRole('link', { name: block }).click();
  await page.getByRole('heading', { level: 1, name: 'Invoice intake' }).waitFor();
  await page.getByText(completed, { exact: true }).first().waitFor();
  const { run_id: runId } = await clientOf('admin').reviews.get(reviewId);
  const run = await clientOf('admin').runs.waitFor(runId, { signal: AbortSignal.timeout(60_000) });
  expect(run.lifecycle.status).toBe('completed');
  expect(here.complaints).toEqual([]);
});

async function press(page: Page, name: string): Promise<void> {
  // A button may name its key behind its words.
  await page.getByRole('button', { name: new RegExp(`^${name}(?: \\S)?$`) }).click();
}
