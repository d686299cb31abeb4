import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { Client } from '../../src/client/index.js';
import { type Parked, park } from '../fault/people.js';
import { type Squatter, takePort } from '../fault/port-squatter.js';
import { isLinux, startTestStack, type TestStack } from '../fault/test-stack.js';
import { startChromium } from '../support/chromium.js';
import { type Site, visit } from './browser.js';
import { makePeople, type PersonId } from './people.js';

const RECORDED =
  'Recorded. The workflow will resume when its engine answers; the decision is safe.';
const WILL_RESUME = 'Recorded; the workflow will resume when its engine answers.';

/** A server that was killed is started again by itself, after a pause. */
const BACK_WITHIN_MS = 60_000;

describe.runIf(isLinux)('while Temporal is away', () => {
  let stack: TestStack;
  let site: Site;
  let admin: Client;
  let browser: Browser;

  beforeAll(async () => {
    [stack, browser] = await Promise.all([startTestStack(), startChromium()]);
    site = { url: stack.url, databaseUrl: await stack.databaseUrl() };
    admin = await stack.admin();
    await makePeople(admin);
    for (const [id, groups] of [
      ['one-group', ['finance']],
      ['two-groups', ['finance', 'legal']],
    ] as const) {
      await admin.workflows.put(id, {
        blocks: [
          { id: 'extract', type: 'extract', executor: { kind: 'supplied' }, review: { groups } },
          { id: 'book', type: 'task', executor: { kind: 'pass' } },
        ],
      });
    }
  });
  beforeEach(({ onTestFailed }) => onTestFailed(() => stack.tell()));
  afterAll(() => browser?.close());
  afterAll(() => stack?.remove());

  test('what is approved is recorded, is owed, and takes effect by itself when it is back', async () => {
    const [decided] = await park(stack, 'one-group', 'extract', ['decided']);
    const [begun] = await park(stack, 'two-groups', 'extract', ['begun']);
    const dana = await pageOf('dana', pathOf(decided));
    const operator = await pageOf('admin', '/operations');
    await operator.getByText('Nothing: Temporal knows everything that was recorded.').waitFor();

    await stack.kill('Temporal');
    const port = Number((await stack.temporalAddress()).split(':')[1]);
    let squatter: Squatter | null = await takePort(port);
    onTestFinished(() => squatter?.leave());

    // Approved: the page promises no more than is known.
    await dana.getByRole('button', { name: 'Approve version 1' }).click();
    await dana.getByRole('status').getByText(RECORDED).waitFor();
    await dana.getByText('Dana Rivera approved version 1.').waitFor();
    await dana.getByText(WILL_RESUME).waitFor();

    // One of two approvals, on a page that is opened anew while the workflow does not know of it.
    const second = await pageOf('dana', pathOf(begun));
    await second.getByRole('button', { name: 'Approve version 1' }).click();
    await second.getByRole('status').getByText(RECORDED).waitFor();
    await second.reload();
    await second.getByText('You approved version 1.').waitFor();
    await second.getByText(WILL_RESUME).waitFor();

    // The operator sees what is owed, and that the server is away, without doing anything.
    const owed = operator.getByRole('table').getByRole('row', { name: 'signal' });
    await owed.nth(1).waitFor();
    expect(await owed.count()).toBe(2);
    const links = await owed.getByRole('link', { name: 'review' }).all();
    expect(await Promise.all(links.map((link) => link.getAttribute('href')))).toEqual(
      expect.arrayContaining([pathOf(decided), pathOf(begun)]),
    );
    await figure(operator, 'Away').waitFor();
    await operator.getByRole('button', { name: 'Check again' }).click();
    await operator
      .getByText(/Temporal does not answer|cannot be reached/i)
      .first()
      .waitFor();

    await squatter.leave();
    squatter = null;

    // Nobody touches a page from here on.
    const patience = { timeout: BACK_WITHIN_MS };
    await dana
      .getByRole('status')
      .getByText(/^The engine answers again\. The workflow has (?:resumed|been told)\.$/)
      .waitFor(patience);
    await dana.getByText('The run went on with it.').waitFor();
    await dana.getByText(WILL_RESUME).waitFor({ state: 'detached' });
    await second.getByText(WILL_RESUME).waitFor({ state: 'detached', ...patience });
    await second.getByText('It waits for the others.').waitFor();
    await figure(operator, 'Reachable').waitFor(patience);
    await operator.getByText('Nothing: Temporal knows everything that was recorded.').waitFor();

    const run = await admin.runs.waitFor(decided?.run.id ?? '', {
      signal: AbortSignal.timeout(BACK_WITHIN_MS),
    });
    expect(run.lifecycle.status).toBe('completed');
    const facts = await admin.reviews.votes(decided?.review.id ?? '').take(10);
    expect(facts.data).toHaveLength(1);
  }, 180_000);

  /** The page of somebody who has come to a path; it is closed when the test ends. */
  async function pageOf(person: PersonId | 'admin', path: string): Promise<Page> {
    const here = await visit(browser, person, { site });
    onTestFinished(() => here.close());
    await here.go(path);
    return here.page;
  }
});

function pathOf(parked: Parked | undefined): string {
  return `/reviews/${parked?.review.id}`;
}

/** One of the figures at the top of the operator's page. */
function figure(page: Page, word: string): ReturnType<Page['getByText']> {
  return page.getByRole('definition').getByText(word, { exact: true });
}
