import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import type { Client } from '../../src/client/index.js';
import { startChromium } from '../support/chromium.js';
import { until } from '../support/until.js';
import { clientOf, visit, type Visit } from './browser.js';
import { openReview } from './workflows.js';

let browser: Browser;

beforeAll(async () => {
  browser = await startChromium();
});
afterAll(() => browser?.close());

/**
 * Where a page of somebody else's is served.
 *
 * Sites are told apart by their host alone, so on another port of the same host the session's cookie goes along.
 */
const ELSEWHERE = [
  ['another port of this host', '127.0.0.1'],
  ['another site', 'localhost'],
] as const;

describe.each(ELSEWHERE)('a page on %s', (_where, host) => {
  test('that frames the inbox shows nothing of it', async () => {
    const { page } = await signedIn();
    const src = `${inject('siteUrl')}/runs`;
    await page.goto(await serve(host, `<h1>Theirs</h1><iframe src="${src}"></iframe>`));
    const frame = await until('the frame to be turned down', () =>
      page.frames().find((one) => one !== page.mainFrame() && one.url().startsWith('chrome-error')),
    );
    expect(await frame.getByRole('heading', { name: 'Runs' }).count()).toBe(0);
  });

  test('that sends a form decides nothing', async () => {
    const { review } = await openReview(admin(), 'mail-triage', { category: 'other' });
    const { page } = await signedIn();
    const action = `${inject('siteUrl')}/v1/workflows/reviews/${review.id}/approve`;
    // A form of this kind sends what an API may well read as JSON.
    const name = `{"version_id":"${review.newest_version_id}","reason":"`;
    const form =
      `<form method="post" enctype="text/plain" action="${action}">` +
      `<input name='${name}' value='"}'></form><script>document.forms[0].submit()</script>`;
    const answer = page.waitForResponse(action);
    await page.goto(await serve(host, form));
    expect([401, 403]).toContain((await answer).status());
    await expectUndecided(review.id);
  });

  test('whose script sends a decision does not even get it sent', async () => {
    const { review } = await openReview(admin(), 'mail-triage', { category: 'other' });
    const { page } = await signedIn();
    await page.goto(await serve(host, '<h1>Theirs</h1>'));
    const url = `${inject('siteUrl')}/v1/workflows/reviews/${review.id}/approve`;
    const body = JSON.stringify({ version_id: review.newest_version_id });
    for (const how of [
      { headers: { 'content-type': 'application/json', 'x-countersign-csrf': '1' } },
      { headers: { 'content-type': 'text/plain' }, mode: 'no-cors' },
    ]) {
      const init = JSON.stringify({ method: 'POST', credentials: 'include', body, ...how });
      await page.evaluate(`fetch(${JSON.stringify(url)}, ${init}).catch(() => null).then(() => 0)`);
    }
    await expectUndecided(review.id);
  });
});

/** What does something where text is taken for anything else. */
const TEXTS = {
  image: `<img src="x" onerror="document.title='taken over'">`,
  script: `</script><script>document.title='taken over'</script>`,
  link: `javascript:document.title='taken over'`,
  frame: `<iframe src="javascript:parent.document.title='taken over'"></iframe>`,
  drawing: `<svg onload="document.title='taken over'"></svg>`,
  template: '{{constructor.constructor("document.title=1")()}}',
} as const;

describe('texts that are markup', () => {
  test('are shown as they are, wherever a review shows them', async () => {
    const [image, script] = [TEXTS.image, TEXTS.script];
    await admin().workflows.put('hostile', {
      name: image,
      blocks: [
        {
          id: 'read',
          type: 'extract',
          label: script,
          executor: { kind: 'supplied' },
          json_schema: {
            type: 'object',
            properties: { image: { type: 'string', title: image, description: script } },
          },
          review: { name: image, instructions: `${script} ${TEXTS.link}`, groups: ['finance'] },
        },
      ],
    });
    const run = await admin().runs.start({
      workflow_id: 'hostile',
      json_inputs: { read: { ...TEXTS, [image]: script, rows: [{ [script]: image }] } },
    });
    const review = await until('its review', async () => {
      return (await admin().reviews.list({ run_id: run.id }).page()).data[0];
    });
    await clientOf('dana').reviews.versions.create({
      review_id: review.id,
      parent_id: review.newest_version_id,
      snapshot: { ...TEXTS, image: `${image} again` },
      note: image,
    });
    const here = await signedIn();
    const { page, go } = here;
    for (const path of [
      `/?run_id=${run.id}`,
      `/reviews/${review.id}`,
      `/reviews/${review.id}?show=json`,
      `/reviews/${review.id}?show=changes`,
      `/runs/${run.id}`,
      '/workflows/hostile',
    ]) {
      await go(path);
      await page.getByText(image).filter({ visible: true }).first().waitFor();
      await expectOnlyText(page, path);
    }
    await go(`/reviews/${review.id}`);
    await page.keyboard.press('e');
    await page.getByLabel('Note').waitFor();
    await expectOnlyText(page, 'the form');
    await page.keyboard.press('Escape');
    await page.keyboard.press('r');
    await page.getByLabel('Reason').fill(image);
    await page.getByRole('dialog').getByRole('button', { name: 'Reject' }).click();
    await page.getByText(image).first().waitFor();
    await page.getByText('Dana Rivera rejected version 2.').waitFor();
    await expectOnlyText(page, 'the reason');
    expect(here.complaints).toEqual([]);
  });
});

/** Nothing of the texts has become an element, and none of them has run. */
async function expectOnlyText(page: Page, where: string): Promise<void> {
  const found = page.locator(
    '#main :is(img, script, iframe, [onerror], [onload], a[href^="javascript:" i])',
  );
  expect(await found.count(), where).toBe(0);
  expect(await page.title(), where).not.toBe('taken over');
}

async function expectUndecided(reviewId: string): Promise<void> {
  expect((await admin().reviews.get(reviewId)).status).toBe('PENDING');
  expect((await admin().reviews.votes(reviewId).take(1)).data).toEqual([]);
}

/** The window of somebody who may decide, and has been led astray. */
async function signedIn(): Promise<Visit> {
  const here = await visit(browser, 'dana');
  onTestFinished(() => here.close());
  await here.go('/runs');
  return here;
}

/** Serves a page of somebody else's until the test ends; gives its address. */
async function serve(host: string, html: string): Promise<string> {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(`<!doctype html><title>Theirs</title>${html}`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  const address = server.address();
  return `http://${host}:${typeof address === 'object' && address !== null ? address.port : 0}/`;
}

function admin(): Client {
  return clientOf('admin');
}
