import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/client/index.js';
import { until } from '../support/until.js';
import { clientOf, linkFor, violations } from './browser.js';
import { focusOf, tabTo } from './keys.js';
import { useWindows } from './windows.js';
import { INVOICE, openReview } from './workflows.js';

const { open } = useWindows();

const ORDER = {
  title: 'Paving stones',
  wanted_on: '2026-06-30',
  amount: 1200,
  count: 3,
  urgent: false,
  currency: 'EUR',
  notes: 'Leave them at the gate.',
  vendor: { name: 'Brandt GmbH' },
  tags: ['garden', 'stone'],
  lines: [{ what: 'Stones', quantity: 3 }],
  extra: 7,
};

beforeAll(async () => {
  await clientOf('admin').workflows.put('order-check', {
    name: 'Order check',
    blocks: [
      {
        id: 'read',
        type: 'extract',
        label: 'Read the order',
        executor: { kind: 'supplied' },
        json_schema: {
          type: 'object',
          required: Object.keys(ORDER),
          properties: {
            title: { type: 'string' },
            wanted_on: { type: ['string', 'null'], format: 'date' },
            amount: { type: 'number' },
            count: { type: 'integer' },
            urgent: { type: 'boolean' },
            currency: { type: 'string', enum: ['EUR', 'SEK'] },
            notes: { type: 'string', maxLength: 1000 },
            vendor: {
              type: 'object',
              required: ['name'],
              properties: { name: { type: 'string' }, house: { type: 'string' } },
            },
            tags: { type: 'array', items: { type: 'string' } },
            lines: {
              type: 'array',
              items: {
                type: 'object',
                required: ['what', 'quantity'],
                properties: { what: { type: 'string' }, quantity: { type: 'integer' } },
              },
            },
            extra: { oneOf: [{ type: 'integer' }, { type: 'string' }] },
          },
        },
        review: { name: 'Is the order right?', reviewers: [{ id: 'kim', mandatory: true }] },
      },
    ],
  });
});

async function openOrder(snapshot: JsonObject): Promise<string> {
  const admin = clientOf('admin');
  const run = await admin.runs.start({
    workflow_id: 'order-check',
    json_inputs: { read: snapshot },
  });
  return await until(`the review of ${run.id}`, async () => {
    const { data } = await admin.reviews.list({ run_id: run.id }).page();
    return data[0]?.id;
  });
}

async function said(page: Page, text: string): Promise<void> {
  await page.getByRole('status').getByText(text).waitFor();
}

async function expectFocusKept(page: Page): Promise<void> {
  expect((await focusOf(page)).tag).not.toBe('body');
}

test('from the sign-in link to signing out, nothing needs a mouse', async () => {
  const first = await openOrder(ORDER);
  const second = await openOrder({ ...ORDER, title: 'Gravel' });
  const here = await open(null);
  const { page, settled } = here;
  const { keyboard } = page;

  await page.goto(`/signin/link/${await linkFor('kim')}`);
  await page.getByRole('button', { name: 'Sign in as' }).waitFor();
  expect(await violations(page)).toEqual([]);
  await tabTo(page, 'Sign in as Kim Novak');
  await keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'Inbox' }).waitFor();
  await settled();

  // The first stop skips what is the same on every page.
  expect(await tabTo(page, /^Skip/)).toHaveLength(1);
  await keyboard.press('Enter');
  expect(await page.evaluate('document.activeElement.id')).toBe('main');

  await tabTo(page, 'Workflow');
  await keyboard.type('Order check');
  await page.waitForURL(/workflow_id=order-check/);
  await settled();
  await expectFocusKept(page);
  await tabTo(page, 'Search reviews', 'Shift+Tab');
  await keyboard.type('order');
  await page.waitForURL(/search=order/);
  await settled();
  expect(await focusOf(page), 'a search that has run keeps the focus').toMatchObject({
    tag: 'input',
  });
  await keyboard.type(' right', { delay: 1 });
  await page.waitForURL(/search=order\+right/);
  await settled();
  await keyboard.press('Escape');
  expect(await violations(page)).toEqual([]);

  await page.locator(`tr[data-id="${first}"]`).waitFor();
  while (!(await page.evaluate<string>('document.activeElement.href ?? ""')).endsWith(first)) {
    await keyboard.press('j');
  }
  await keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'Is the order right?' }).waitFor();
  await settled();
  await expectFocusKept(page);

  await keyboard.press('e');
  const form = page.getByRole('form', { name: 'Correct version 1' });
  await form.waitFor();
  expect(await focusOf(page), 'correcting begins in the first field').toMatchObject({
    name: 'Title',
  });
  expect(await violations(page)).toEqual([]);
  expect(await tabTo(page, /^Note for/)).toEqual([
    'Wanted on',
    'Wanted on',
    'Wanted on',
    'Wanted on',
    'Amount',
    'Count',
    'Urgent',
    'Currency',
    'Notes',
    'Name',
    'Add House',
    'Tags 1',
    'Remove Tags 1',
    'Tags 2',
    'Remove Tags 2',
    'Add to Tags',
    'What',
    'Quantity',
    'Remove Lines 1',
    'Add to Lines',
    'Extra',
    expect.stringMatching(/^Note for/),
  ]);

  await tabTo(page, 'Add to Lines', 'Shift+Tab');
  await keyboard.press('Enter');
  expect(await focusOf(page), 'the new item is where one writes').toMatchObject({ name: 'What' });
  await keyboard.type('Sand');
  await keyboard.press('Tab');
  await keyboard.type('two');
  await page.getByText('This is no number').waitFor();
  await tabTo(page, 'Remove Lines 2');
  await keyboard.press('Enter');
  expect(await focusOf(page), 'the item before the one that is gone').toMatchObject({
    name: 'Remove Lines 1',
  });
  await tabTo(page, 'Remove Tags 1', 'Shift+Tab');
  await keyboard.press('Enter');
  expect(await focusOf(page), 'the item that has moved up').toMatchObject({
    name: 'Remove Tags 1',
  });
  await keyboard.press('Enter');
  expect(await focusOf(page), 'no item is left').toMatchObject({ name: 'Add to Tags' });
  await tabTo(page, 'Add House', 'Shift+Tab');
  await keyboard.press('Enter');
  expect(await focusOf(page)).toMatchObject({ tag: 'input', name: 'House' });
  await keyboard.type('DE811');
  await tabTo(page, 'Urgent', 'Shift+Tab');
  await keyboard.type('yes');

  // Leaving asks first, and leads back to where one was.
  await keyboard.press('Escape');
  await page.getByRole('dialog', { name: 'Leave the correction?' }).waitFor();
  expect(await violations(page)).toEqual([]);
  await keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  expect(await focusOf(page)).toMatchObject({ name: 'Urgent' });

  await tabTo(page, 'Save and approve');
  await keyboard.press('Enter');
  await said(page, 'Recorded.');
  await page.getByText('Kim Novak approved version 2.').waitFor();
  await settled();
  await expectFocusKept(page);
  const { decision } = await clientOf('admin').reviews.get(first);
  const { snapshot } = await clientOf('admin').reviews.versions.get(decision?.version_id ?? '');
  expect(snapshot).toEqual({
    ...ORDER,
    urgent: true,
    tags: [],
    vendor: { name: 'Brandt GmbH', house: 'DE811' },
  });

  await keyboard.press('d');
  await page.getByRole('row', { name: 'Urgent' }).waitFor();
  await expectFocusKept(page);
  expect(await violations(page)).toEqual([]);

  await keyboard.press('j');
  await page.waitForURL(`**/reviews/${second}`);
  await page.getByRole('heading', { level: 1 }).waitFor();
  await settled();
  await keyboard.press('r');
  const dialog = page.getByRole('dialog', { name: 'Reject' });
  await dialog.waitFor();
  await keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await expectFocusKept(page);
  await tabTo(page, /^Reject/);
  await keyboard.press('Enter');
  await dialog.waitFor();
  await keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  expect(await focusOf(page), 'the button that opened it').toMatchObject({ tag: 'button' });
  await keyboard.press('Enter');
  await dialog.waitFor();
  await keyboard.type('Nobody ordered gravel.');
  await keyboard.press('Control+Enter');
  await said(page, 'Recorded.');
  await page.getByText('Kim Novak rejected version 1.').waitFor();
  await settled();
  await expectFocusKept(page);
  expect(await violations(page)).toEqual([]);

  await keyboard.press('i');
  await page.getByRole('heading', { level: 1, name: 'Inbox' }).waitFor();
  await settled();
  await tabTo(page, 'Sign out', 'Shift+Tab');
  await keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor();
});

describe('the focus', () => {
  test('stays on the page when what had it goes away, whatever the dialog', async () => {
    const { review } = await openReview(clientOf('admin'), 'invoice-approval', INVOICE);
    const here = await open('sam');
    const { page } = here;
    await here.go(`/reviews/${review.id}`);
    await tabTo(page, /^Keyboard/);
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: 'Keyboard' }).waitFor();
    expect(await page.evaluate('document.activeElement.closest("dialog") !== null')).toBe(true);
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await focusOf(page)).toMatchObject({ tag: 'button', name: 'Keyboard?' });

    // The button that approves is gone once it has been pressed.
    await tabTo(page, /^Approve version 1/);
    await page.keyboard.press('Enter');
    await said(page, 'Recorded.');
    await here.settled();
    await expectFocusKept(page);
  });

  test('stays in the dialog while several are decided, and comes back to the queue', async () => {
    const { review } = await openReview(clientOf('admin'), 'scan-split', {
      documents: [{ name: 'One', pages: [1, 2, 3] }],
    });
    const here = await open('dana');
    const { page } = here;
    await here.go('/?workflow_id=scan-split&order=newest');
    await page.keyboard.press('j');
    await page.keyboard.press('x');
    await page.getByRole('region', { name: 'Selection' }).getByText('1 selected').waitFor();
    await page.keyboard.press('a');
    await page.getByRole('dialog').waitFor();
    expect(await focusOf(page)).toMatchObject({ name: 'Approve 1 review', isVisible: true });
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').getByRole('button', { name: 'Done' }).waitFor();
    expect(await page.evaluate('document.activeElement.closest("dialog") !== null')).toBe(true);
    expect(await violations(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await here.settled();
    await expectFocusKept(page);
    expect((await clientOf('admin').reviews.get(review.id)).status).not.toBe('PENDING');
  });
});
