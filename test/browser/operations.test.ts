import { sql } from 'kysely';
import type { Page } from 'playwright-core';
import { afterEach, describe, expect, test } from 'vitest';
import { until } from '../support/until.js';
import { clientOf, violations } from './browser.js';
import { inStore, loseWorkflow, oweStart } from './gone.js';
import { useWindows } from './windows.js';
import { INVOICE, openReview } from './workflows.js';

const { on } = useWindows();
const undo: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const each of undo.splice(0)) {
    await each();
  }
});

async function figure(page: Page, name: string): Promise<string> {
  return await page
    .locator('.figures > div')
    .filter({ has: page.getByRole('term').filter({ hasText: name }) })
    .getByRole('definition')
    .innerText();
}

/** Ends a step as one does whose worker was lost while it did what must not be done twice; the undo. */
async function loseOutcome(stepId: string): Promise<() => Promise<void>> {
  const put = async (isUnknown: boolean): Promise<void> =>
    await inStore(async (db) => {
      await sql`update step set outcome_unknown = ${isUnknown} where id = ${stepId}`.execute(db);
    });
  await put(true);
  return async () => await put(false);
}

describe('the operator’s page', () => {
  test('says what is owed and since when, what failed, what is unknown, and what doctor advises', async () => {
    const admin = clientOf('admin');
    const owed = await openReview(admin, 'invoice-approval', INVOICE);
    const alsoOwed = await openReview(admin, 'invoice-approval', INVOICE);
    const gone = await openReview(admin, 'invoice-approval', INVOICE);
    const lost = await openReview(admin, 'payroll', { total: 6 });
    undo.push(
      await oweStart(owed.run.id),
      await oweStart(alsoOwed.run.id),
      await loseWorkflow(gone.review.step_id),
      await loseOutcome(lost.review.step_id),
    );
    const voted = await clientOf('lee').reviews.approve(
      gone.review.id,
      gone.review.newest_version_id,
    );
    expect(voted.resume_status).toBe('failed');

    const { page } = await on('/operations', 'admin');
    expect(await figure(page, 'Temporal')).toMatch(/^Reachable/);
    expect(await figure(page, 'Owed')).toBe('2');
    expect(await figure(page, 'Oldest')).toMatch(/^1\d min/);
    expect(await figure(page, 'Failed')).toBe('1');
    expect(await figure(page, 'Outcomes unknown')).toBe('1');
    const messages = page.getByRole('table').getByRole('row');
    await messages
      .filter({ hasText: /^start\s*run\s*pending\s*7\s*the engine did not answer/ })
      .first()
      .waitFor();
    await messages.filter({ hasText: /^signal\s*review\s*failed/ }).waitFor();
    await page.getByRole('link', { name: lost.review.step_id }).waitFor();

    const findings = page.locator('.findings > li');
    await until('what doctor finds', async () => {
      const texts = await findings.allInnerTexts();
      const codes = texts.map((text) => /^[A-Z_]+/.exec(text)?.[0]);
      if (['GATE_GONE', 'MESSAGE_OWED', 'OUTCOME_UNKNOWN'].every((code) => codes.includes(code))) {
        return true;
      }
      // It looks at nothing that is younger than a few seconds.
      const again = page.getByRole('button', { name: 'Check again' });
      if (await again.isEnabled()) {
        await again.press('Enter');
      }
      return false;
    });
    const gate = findings.filter({ hasText: 'GATE_GONE' });
    expect(await gate.innerText()).toContain('countersign doctor --fix mends it');
    expect(await gate.getByRole('link', { name: 'review' }).getAttribute('href')).toBe(
      `/reviews/${gone.review.id}`,
    );
    const unknown = await findings.filter({ hasText: 'OUTCOME_UNKNOWN' }).innerText();
    expect(unknown).toContain('Find out what it did');
    expect(unknown).not.toContain('mends it');
    expect(await violations(page)).toEqual([]);

    // What has been delivered after all goes from the page by itself.
    await undo.shift()?.();
    await undo.shift()?.();
    await until('nothing to be owed', async () => (await figure(page, 'Owed')) === '0');
  });

  test('lets an auditor look, and do nothing', async () => {
    const { run, review } = await openReview(clientOf('admin'), 'invoice-approval', INVOICE);
    const { page, go } = await on('/operations', 'alex');
    await page.getByRole('heading', { name: 'Doctor' }).waitFor();
    expect(await page.getByRole('main').getByRole('button').allInnerTexts()).toEqual([
      'Check again',
    ]);
    await go(`/runs/${run.id}`);
    await page.getByText('is waiting').or(page.getByText('waits at')).first().waitFor();
    expect(await page.getByRole('button', { name: 'Cancel run' }).count()).toBe(0);
    await go(`/reviews/${review.id}`);
    await page.getByText('You cannot approve this').waitFor();
    expect(await page.getByRole('group', { name: 'Decide' }).count()).toBe(0);
  });

  test('is for operators alone, for the address as for the page', async () => {
    const { page } = await on('/operations', 'dana');
    await page.getByText('This page is for operators').waitFor();
    const answer = await page.request.get('/v1/operations');
    expect(answer.status()).toBe(403);
  });
});
