import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Client } from '../../src/client/index.js';
import { startChromium } from '../support/chromium.js';
import { until } from '../support/until.js';
import { clientOf, visit, type Visit } from './browser.js';
import type { PersonId } from './people.js';
import { INVOICE, openReview } from './workflows.js';

/** Each person has a browser of their own: nothing is shared but the server. */
let browsers: readonly [Browser, Browser];

beforeAll(async () => {
  browsers = await Promise.all([startChromium(), startChromium()]);
});
afterAll(async () => {
  await Promise.all((browsers ?? []).map((browser) => browser.close()));
});

describe('two people on one review', () => {
  test('see each other vote, are told of a correction, and both see the run go on', async () => {
    const { run, review } = await openReview(admin(), 'invoice-approval', INVOICE);
    const [dana, lee] = await bothOn(`/reviews/${review.id}`);

    // Lee approves the first version; Dana sees it without doing anything.
    await lee.page.getByRole('button', { name: 'Approve version 1' }).click();
    await lee.page.getByRole('status').getByText('Recorded. More approvals are needed.').waitFor();
    await approvals(dana.page).getByText('1 of 2').waitFor();
    await approvals(dana.page).getByText('Lee Okafor').first().waitFor();

    // Dana corrects it. Lee still has the old version on screen, and is told.
    await dana.page.getByRole('button', { name: 'Correct' }).click();
    await dana.page.getByLabel('Due date').fill('2026-06-30');
    await dana.page.getByRole('button', { name: 'Save', exact: true }).click();
    await dana.page.getByRole('status').getByText('Saved as a new version').waitFor();
    await lee.page.getByText('Dana Rivera added version 2.').waitFor();
    await lee.page.getByText('your approval does not count for it').waitFor();
    await dana.page.getByRole('button', { name: 'Approve version 2' }).click();
    await approvals(lee.page).getByText('Dana Rivera').first().waitFor();

    // What changed since Lee's vote is one key away, and approving asks before anything is sent.
    await lee.page.getByRole('button', { name: 'Approve version 1' }).click();
    const dialog = lee.page.getByRole('dialog', { name: 'A newer version has come' });
    await dialog.getByText('2026-06-30').waitFor();
    await dialog.getByRole('button', { name: 'Show version 2' }).click();
    await lee.page.getByRole('button', { name: 'What changed since my vote' }).click();
    await lee.page.getByRole('row', { name: 'Due date' }).getByText('2026-06-30').waitFor();
    expect(await versionsVotedOn(review.id)).toEqual([
      ['lee', review.newest_version_id],
      ['dana', expect.not.stringMatching(review.newest_version_id)],
    ]);
    await lee.page.getByRole('button', { name: 'Approve version 2' }).click();

    for (const { page } of [dana, lee]) {
      await page.getByText('Lee Okafor approved version 2.').waitFor();
      await page.getByText('The run went on with it.').waitFor();
    }
    const ended = await admin().runs.waitFor(run.id, { signal: AbortSignal.timeout(60_000) });
    expect(ended.lifecycle.status).toBe('completed');
    expect([...dana.complaints, ...lee.complaints]).toEqual([]);
  });

  test('who approve at the same moment both count', async () => {
    const { review } = await openReview(admin(), 'invoice-approval', INVOICE);
    const both = await bothOn(`/reviews/${review.id}`);
    await sentAtOnce(both, 'approve');
    await Promise.all(
      both.map(({ page }) => page.getByRole('button', { name: 'Approve version 1' }).click()),
    );
    const said = await Promise.all(both.map(({ page }) => outcome(page)));
    // An answer tells of the review as it then is: with the other's vote, of which the workflow may not have heard.
    for (const each of said) {
      expect(each).toMatch(
        /^Recorded\. (?:More approvals are needed|The workflow (?:has|will) .*)\.$/,
      );
    }
    await Promise.all(both.map(({ page }) => page.getByText('The run went on').waitFor()));
    expect((await versionsVotedOn(review.id)).length).toBe(2);
  });

  test('who approve at the same moment where one is enough are told who was first', async () => {
    const { review } = await openReview(admin(), 'mail-triage', { category: 'other' });
    const both = await bothOn(`/reviews/${review.id}`, 'sam');
    await sentAtOnce(both, 'approve');
    await Promise.all(
      both.map(({ page }) => page.getByRole('button', { name: 'Approve version 1' }).click()),
    );
    const { decision } = await until('a decision', async () => {
      const seen = await admin().reviews.get(review.id);
      return seen.decision === null ? null : seen;
    });
    const first = decision?.author.display_name ?? '';
    const said = await Promise.all(both.map(({ page }) => outcome(page)));
    expect(said.toSorted()).toEqual([
      `It was decided already: ${first} approved it.`,
      expect.stringMatching(/^Recorded\. The workflow has (?:been told|resumed)\.$/),
    ]);
    await Promise.all(
      both.map(({ page }) => page.getByText(`${first} approved version 1.`).first().waitFor()),
    );
  });

  test('of whom one rejects at the same moment get one decision, and both see whose', async () => {
    const { review } = await openReview(admin(), 'invoice-approval', INVOICE);
    const [dana, lee] = await bothOn(`/reviews/${review.id}`);
    await lee.page.getByRole('button', { name: 'Reject' }).click();
    await lee.page.getByLabel('Reason').fill('nobody ordered this');
    await sentAtOnce([dana, lee], '{approve,reject}');
    await Promise.all([
      dana.page.getByRole('button', { name: 'Approve version 1' }).click(),
      lee.page.getByRole('dialog').getByRole('button', { name: 'Reject' }).click(),
    ]);
    // Either the approval came first, and was one of two, or it came too late and is not pretended.
    expect(await outcome(dana.page)).toMatch(
      /^(?:Recorded\. (?:More approvals are needed|The workflow (?:has|will) .*)\.|Not recorded: Lee Okafor rejected it before you\.)$/,
    );
    expect(await outcome(lee.page)).toBe('Recorded. The workflow has been told to end.');
    for (const { page } of [dana, lee]) {
      await page.getByText('Lee Okafor rejected version 1.').waitFor();
    }
  });
});

/** The pages of Dana and of another, each in a browser of their own. */
async function bothOn(path: string, other: PersonId = 'lee'): Promise<readonly [Visit, Visit]> {
  const [first, second] = browsers;
  return await Promise.all([on(first, 'dana', path), on(second, other, path)]);
}

async function on(browser: Browser, person: PersonId, path: string): Promise<Visit> {
  const here = await visit(browser, person);
  onTestFinished(() => here.close());
  await here.go(path);
  return here;
}

/** Holds what pages send to a route until each has sent it; then all of it goes at once. */
async function sentAtOnce(visits: readonly Visit[], route: string): Promise<void> {
  let missing = visits.length;
  for (const { page } of visits) {
    await page.route(`**/v1/workflows/reviews/*/${route}`, async (request) => {
      missing -= 1;
      await until('the others to send theirs', () => missing === 0);
      await request.continue();
    });
  }
}

/** What a page says became of a decision. */
async function outcome(page: Page): Promise<string> {
  return await page.getByRole('status').locator('.toast > span').innerText();
}

function approvals(page: Page): ReturnType<Page['getByRole']> {
  return page.getByRole('region', { name: 'Approvals' });
}

/** Who voted for which version, in order. */
async function versionsVotedOn(reviewId: string): Promise<readonly unknown[]> {
  const { data } = await admin().reviews.votes(reviewId).take(10);
  return data.map((fact) => [fact.actor.id, fact.version_id]);
}

function admin(): Client {
  return clientOf('admin');
}
