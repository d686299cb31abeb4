import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import type { Client } from '../../src/client/index.js';
import { until } from '../support/until.js';
import { clientOf, linkFor } from './browser.js';
import { inStore } from './gone.js';
import { useWindows } from './windows.js';
import { INVOICE, openReview } from './workflows.js';

const { open, on, openUnwatched } = useWindows();

async function statusOf(reviewId: string): Promise<string> {
  return (await clientOf('admin').reviews.get(reviewId)).status;
}

function admin(): Client {
  return clientOf('admin');
}

describe('with the keyboard alone', () => {
  test('a review is found, opened and approved, and the page says what became of it', async () => {
    const { run, review } = await openReview(admin(), 'mail-triage', { category: 'other' });
    const { page, settled } = await on(`/?run_id=${run.id}`, 'dana');
    await page.keyboard.press('j');
    expect(await page.evaluate('document.activeElement.textContent')).toBe(
      'Which kind of mail is it?',
    );
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Which kind of mail is it?' }).waitFor();
    await settled();
    await page.keyboard.press('a');
    await page.getByRole('status').getByText('Recorded. The workflow has').waitFor();
    await page.getByText('Dana Rivera approved version 1.').waitFor();
    expect(
      await until('the end', async () =>
        (await statusOf(review.id)) === 'EXECUTED' ? 'EXECUTED' : null,
      ),
    ).toBe('EXECUTED');
  });

  test('a rejection asks for a reason, and does nothing without one', async () => {
    const { review } = await openReview(admin(), 'mail-triage', { category: 'other' });
    const { page } = await on(`/reviews/${review.id}`, 'dana');
    await page.keyboard.press('r');
    await page.getByRole('dialog', { name: 'Reject' }).waitFor();
    await page.keyboard.press('Control+Enter');
    await page.getByText('Say why, in a few words').waitFor();
    expect(await statusOf(review.id)).toBe('PENDING');
    await page.keyboard.type('it is spam, a r e');
    await page.keyboard.press('Control+Enter');
    await page.getByText('Dana Rivera rejected version 1.').waitFor();
    expect((await admin().reviews.get(review.id)).decision?.reason).toBe('it is spam, a r e');
  });

  test('the search takes letters as letters', async () => {
    const { page, settled } = await on('/', 'dana');
    await page.keyboard.press('/');
    await page.keyboard.type('jar?');
    await page.getByText('Nothing matches these filters').waitFor();
    await settled();
    expect(page.url()).toContain('search=jar');
    expect(await page.getByRole('dialog').count()).toBe(0);
  });

  test('the form corrects a field, and what is approved is what it says', async () => {
    const { run, review } = await openReview(admin(), 'invoice-approval', INVOICE);
    await clientOf('lee').reviews.approve(review.id, review.newest_version_id);
    const { page } = await on(`/reviews/${review.id}`, 'sam');
    await page.keyboard.press('e');
    const due = page.getByLabel('Due date');
    await due.fill('2026-06-30');
    await page.getByLabel('Total amount').fill('18 45x');
    await page.getByText('This is no number').waitFor();
    expect(await page.getByRole('button', { name: 'Save and approve' }).isDisabled()).toBe(true);
    await page.getByLabel('Total amount').fill('18450.75');
    await page.getByLabel('Note').fill('as on the paper');
    await page.getByRole('button', { name: 'Save and approve' }).press('Enter');
    await page.getByText('Sam Lindqvist approved version 2.').waitFor();
    const { decision } = await admin().reviews.get(review.id);
    const version = await admin().reviews.versions.get(decision?.version_id ?? '');
    expect(version).toMatchObject({
      note: 'as on the paper',
      snapshot: { ...INVOICE, due_date: '2026-06-30', total_amount: 18450.75 },
    });
    const ended = await admin().runs.waitFor(run.id, { signal: AbortSignal.timeout(60_000) });
    expect(ended.lifecycle.status).toBe('completed');
  });
});

describe('the JSON editor', () => {
  test('keeps what it cannot read from being saved, and saves the rest', async () => {
    const { review } = await openReview(admin(), 'invoice-approval', INVOICE);
    const { page } = await on(`/reviews/${review.id}`, 'sam');
    await page.keyboard.press('e');
    await page.getByRole('button', { name: 'JSON' }).press('Enter');
    const editor = page.getByRole('textbox', { name: 'The snapshot as JSON' });
    await editor.waitFor();
    await page.keyboard.press('Control+A');
    await page.keyboard.insertText('{"total_amount": 12,');
    await page.getByText('This is not a JSON object yet.').waitFor();
    expect(await page.getByRole('button', { name: 'Save', exact: true }).isDisabled()).toBe(true);
    await page.keyboard.insertText(' "currency": "SEK"}');
    expect(
      await editor.evaluate(
        'getComputedStyle(document.activeElement.shadowRoot.activeElement).fontFamily',
      ),
    ).toContain('mono');
    await page.getByRole('button', { name: 'Save', exact: true }).press('Enter');
    await page.getByRole('status').getByText('Saved as a new version').waitFor();
    const { data } = await admin().reviews.versions.list(review.id).page();
    expect(data.at(-1)?.snapshot).toEqual({ total_amount: 12, currency: 'SEK' });
  });
});

describe('a screen that has become stale', () => {
  test('decides nothing: it shows what changed, and asks again', async () => {
    const { review } = await openReview(admin(), 'invoice-approval', INVOICE);
    const { page } = await on(`/reviews/${review.id}`, 'sam');
    await clientOf('dana').reviews.versions.create({
      review_id: review.id,
      parent_id: review.newest_version_id,
      snapshot: { ...INVOICE, total_amount: 1 },
    });
    await page.getByText('Dana Rivera added version 2.').waitFor();
    await page.keyboard.press('a');
    const dialog = page.getByRole('dialog', { name: 'A newer version has come' });
    await dialog.getByRole('row', { name: 'Total amount' }).waitFor();
    expect((await clientOf('sam').reviews.votes(review.id).page()).data).toEqual([]);
    await dialog.getByRole('button', { name: 'Show version 2' }).press('Enter');
    await page.getByRole('button', { name: 'Approve version 2' }).press('Enter');
    await page.getByText('Sam Lindqvist approved version 2.').waitFor();
  });

  test('is told of a version that no event has announced, before anything is sent', async () => {
    const { review } = await openReview(admin(), 'invoice-approval', INVOICE);
    const here = await openUnwatched('sam');
    try {
      // A page that hears of nothing, and asks for nothing either.
      await here.page.clock.install();
      await here.page.route('**/v1/events', (route) => route.abort());
      await here.go(`/reviews/${review.id}`);
      await clientOf('dana').reviews.versions.create({
        review_id: review.id,
        parent_id: review.newest_version_id,
        snapshot: { ...INVOICE, total_amount: 2 },
      });
      await here.page.keyboard.press('a');
      await here.page.getByRole('dialog', { name: 'A newer version has come' }).waitFor();
      expect((await clientOf('sam').reviews.votes(review.id).page()).data).toEqual([]);
    } finally {
      await here.close();
    }
  });
});

describe('several at once', () => {
  test('are approved once they are confirmed, with one result for each', async () => {
    const first = await openReview(admin(), 'scan-split', {
      documents: [{ name: 'One', pages: [1] }],
    });
    const second = await openReview(admin(), 'scan-split', {
      documents: [{ name: 'One', pages: [1, 2] }],
    });
    const { page } = await on('/?workflow_id=scan-split&order=newest', 'dana');
    for (const { review } of [first, second]) {
      await page.locator(`tr[data-id="${review.id}"]`).getByRole('checkbox').check();
    }
    await page.keyboard.press('a');
    const dialog = page.getByRole('dialog', { name: 'Approve 2 reviews?' });
    await dialog.waitFor();
    expect([await statusOf(first.review.id), await statusOf(second.review.id)]).toEqual([
      'PENDING',
      'PENDING',
    ]);
    await dialog.getByRole('button', { name: 'Approve 2 reviews' }).press('Enter');
    await dialog.getByRole('button', { name: 'Done' }).waitFor();
    expect(await dialog.getByText('Recorded').count()).toBe(2);
    expect(await statusOf(first.review.id)).not.toBe('PENDING');
    expect(await statusOf(second.review.id)).not.toBe('PENDING');
  });
});

describe('undo and release', () => {
  test('an approval is taken back while there is time to undo', async () => {
    const { review } = await openReview(admin(), 'wire-transfer', { amount: 1 });
    await clientOf('dana').reviews.approve(review.id, review.newest_version_id);
    const { page } = await on(`/reviews/${review.id}`, 'admin');
    await page.getByText(/It goes on in 9:\d\d/).waitFor();
    await page.keyboard.press('u');
    await page.getByLabel('Reason').fill('wrong account');
    await page.getByRole('button', { name: 'Take it back' }).press('Enter');
    await page.getByText('revoked version 1.').waitFor();
    expect(await statusOf(review.id)).toBe('REVOKED');
  });

  test('an approved input is released by hand, once that is confirmed', async () => {
    const { review } = await openReview(admin(), 'payroll', { total: 1 });
    await clientOf('dana').reviews.approve(review.id, review.newest_version_id);
    const { page, go } = await on(`/runs/${review.run_id}`, 'admin');
    await page.getByText('is approved and waits to go on at').waitFor();
    await go(`/reviews/${review.id}`);
    await page.keyboard.press('g');
    await page
      .getByRole('dialog', { name: 'Release' })
      .getByRole('button', { name: 'Release' })
      .press('Enter');
    await page.getByText('The run went on with it.').waitFor();
    expect(await statusOf(review.id)).toBe('EXECUTED');
  });
});

describe('live', () => {
  test('a review that opens appears in the queue by itself', async () => {
    const { page } = await on('/?workflow_id=payroll', 'dana');
    const { review } = await openReview(admin(), 'payroll', { total: 2 });
    await page.locator(`tr[data-id="${review.id}"]`).waitFor();
  });

  test('what others vote appears on the page of a review', async () => {
    const { review } = await openReview(admin(), 'invoice-approval', INVOICE);
    const { page } = await on(`/reviews/${review.id}`, 'dana');
    await clientOf('lee').reviews.approve(review.id, review.newest_version_id);
    await page.getByRole('region', { name: 'Approvals' }).getByText('1 of 2').waitFor();
  });
});

describe('a step that waits for a function', () => {
  test('says so on the page of its run as soon as a worker has missed it', async () => {
    const { run, review } = await openReview(admin(), 'payroll', { total: 4 });
    const { page } = await on(`/runs/${run.id}`, 'admin');
    const words = "It waits for a worker that has the function 'pay'.";
    await inStore(async (db) => {
      await sql`update step set waiting_for = ${words} where id = ${review.step_id}`.execute(db);
    });
    await page.getByText(words).waitFor();
  });
});

describe('signing in', () => {
  test('a deep link survives it', async () => {
    const { review } = await openReview(admin(), 'payroll', { total: 3 });
    const here = await open(null);
    await here.page.goto(`/reviews/${review.id}?show=json`);
    await here.page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor();
    const returnTo = new URL(here.page.url()).searchParams.get('return_to');
    expect(returnTo).toBe(`/reviews/${review.id}?show=json`);
  });

  test('a link says whom it signs in, and does so only when asked', async () => {
    const here = await open(null);
    await here.page.goto(`/signin/link/${await linkFor('dana')}?return_to=/runs`);
    const button = here.page.getByRole('button', { name: 'Sign in as Dana Rivera' });
    await button.waitFor();
    expect(await here.context.cookies()).toEqual([]);
    await button.press('Enter');
    await here.page.getByRole('heading', { level: 1, name: 'Runs' }).waitFor();
  });
});
