import { afterEach, describe, expect, test } from 'vitest';
import { until } from '../support/until.js';
import { clientOf, violations } from './browser.js';
import { loseWorkflow, oweStart } from './gone.js';
import { useWindows } from './windows.js';
import { INVOICE, openReview } from './workflows.js';

const { open } = useWindows();
const undo: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const each of undo.splice(0)) {
    await each();
  }
});

describe('what a page says became of a decision', () => {
  test('told: that more is needed, then that the workflow has resumed', async () => {
    const { review } = await openReview(clientOf('admin'), 'invoice-approval', INVOICE);
    const lee = await open('lee');
    await lee.go(`/reviews/${review.id}`);
    // Nothing was recorded yet, so nothing is said of telling anybody.
    expect(await lee.page.getByText(/resume|engine|gone/).count()).toBe(0);
    await lee.page.keyboard.press('a');
    await lee.page.getByRole('status').getByText('Recorded. More approvals are needed.').waitFor();
    await lee.page.getByText('It waits for the others.').waitFor();
  });

  test('not told yet: that it is recorded, and by itself that the workflow has been told', async () => {
    const { run, review } = await openReview(clientOf('admin'), 'mail-triage', {
      category: 'other',
    });
    undo.push(await oweStart(run.id));
    const here = await open('dana');
    const { page } = here;
    await here.go(`/reviews/${review.id}`);
    await page.keyboard.press('a');
    await page
      .getByRole('status')
      .getByText(
        'Recorded. The workflow will resume when its engine answers; the decision is safe.',
      )
      .waitFor();
    await page.getByText('Recorded; the workflow will resume when its engine answers.').waitFor();
    expect(await violations(page)).toEqual([]);
    expect((await clientOf('admin').reviews.get(review.id)).status).toBe('EXECUTED');
    await page.goto(`/?view=all&run_id=${run.id}`);
    await page.getByText('not told yet').waitFor();
    await page.goto(`/reviews/${review.id}`);
    await page.getByText('Recorded; the workflow will resume').waitFor();

    await undo.pop()?.();
    await page.getByText('The run went on with it.').waitFor();
    await page.getByText('Recorded; the workflow will resume').waitFor({ state: 'detached' });
  });

  test('told late: whoever stays on the page hears of it', async () => {
    const { run, review } = await openReview(clientOf('admin'), 'mail-triage', {
      category: 'other',
    });
    undo.push(await oweStart(run.id));
    const here = await open('dana');
    const { page } = here;
    await here.go(`/reviews/${review.id}`);
    await page.keyboard.press('a');
    await page.getByRole('status').getByText('the decision is safe').waitFor();
    await undo.pop()?.();
    await page.getByRole('status').getByText('The engine answers again.').waitFor();
    await until('the end', async () => {
      const { status } = await clientOf('admin').reviews.get(review.id);
      return status === 'EXECUTED';
    });
  });

  test('gone: that an operator can start the workflow again, and that the decision stays', async () => {
    const { run, review } = await openReview(clientOf('admin'), 'payroll', { total: 9 });
    undo.push(await loseWorkflow(review.step_id));
    const here = await open('dana');
    const { page } = here;
    await here.go(`/reviews/${review.id}`);
    await page.keyboard.press('a');
    await page.getByRole('status').getByText('Recorded. Its workflow is gone').waitFor();
    await page.getByText('Recorded, but its workflow is gone').waitFor();
    expect(await violations(page)).toEqual([]);
    await here.go(`/?view=all&run_id=${run.id}`);
    await page.getByText('workflow is gone').waitFor();
  });
});
