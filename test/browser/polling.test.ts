import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startChromium } from '../support/chromium.js';
import { until } from '../support/until.js';
import { clientOf, violations, visit, type Visit } from './browser.js';
import { openReview } from './workflows.js';

const EVENTS = '**/v1/events';
const POLL_MS = 5_000;
/** Too little for anything to be asked again, and enough for a page to show what it has got. */
const SHORT_MS = 2;
/** Longer than the server is ever silent. */
const SILENCE_MS = 36_000;

let browser: Browser;
let proxy: Proxy;
const visits: Visit[] = [];

beforeAll(async () => {
  [browser, proxy] = await Promise.all([startChromium(), startProxy()]);
});

afterEach(async () => {
  for (const { close } of visits.splice(0)) {
    await close();
  }
});

afterAll(async () => {
  await browser?.close();
  await proxy?.stop();
});

/** Something between browser and server that opens a stream, and passes on no more than it is told to. */
type Proxy = {
  readonly url: string;
  firstWord: string;
  /** How many streams it has opened. */
  opened: number;
  stop(): Promise<void>;
};

async function startProxy(): Promise<Proxy> {
  const server: Server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders();
    made.opened += 1;
    if (made.firstWord !== '') {
      response.write(made.firstWord);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const made: Proxy = {
    url: `http://127.0.0.1:${port}/`,
    firstWord: '',
    opened: 0,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return made;
}

/** The queue of Dana's payrolls, with a clock that the test can turn. */
async function queue(behind: (page: Page) => Promise<unknown>): Promise<Visit> {
  const here = await visit(browser, 'dana');
  visits.push(here);
  await here.page.clock.install();
  await behind(here.page);
  await here.go('/?workflow_id=payroll&order=newest');
  return here;
}

async function pass(page: Page, ms: number): Promise<void> {
  await page.clock.fastForward(ms);
}

async function mark(page: Page, word: 'Live' | 'Every 5 s'): Promise<void> {
  await page.locator('.live-mark', { hasText: word }).waitFor();
}

async function expectPolled(page: Page): Promise<void> {
  const { review } = await openReview(clientOf('admin'), 'payroll', { total: 4 });
  await pass(page, POLL_MS);
  await page.locator(`tr[data-id="${review.id}"]`).waitFor();
}

describe('where the server cannot tell of changes', () => {
  test('a refused stream is said, and asked instead of; it is taken up again when it is back', async () => {
    const { page } = await queue((here) => here.route(EVENTS, (route) => route.abort()));
    await mark(page, 'Every 5 s');
    await page.getByText('this page asks every five seconds').waitFor({ state: 'attached' });
    expect(await violations(page)).toEqual([]);
    await expectPolled(page);
    await page.unroute(EVENTS);
    await pass(page, POLL_MS);
    await mark(page, 'Live');
    // Told at once from now on: no clock has to be turned.
    const { review } = await openReview(clientOf('admin'), 'payroll', { total: 5 });
    await page.locator(`tr[data-id="${review.id}"]`).waitFor();
  });

  test.each([
    ['never says a word', ''],
    ['falls silent after its first word', 'event: resync\ndata: {}\n\n'],
  ])('a stream that %s is no stream', async (_how, firstWord) => {
    proxy.firstWord = firstWord;
    const { page } = await queue((here) =>
      here.route(EVENTS, (route) => route.continue({ url: proxy.url })),
    );
    if (firstWord !== '') {
      await mark(page, 'Live');
      proxy.firstWord = '';
    }
    await pass(page, SILENCE_MS);
    await mark(page, 'Every 5 s');
    const before = proxy.opened;
    await pass(page, POLL_MS);
    await until('the stream to be opened again', () => proxy.opened > before);
    // It has been opened again, and says nothing: that alone makes nothing live. The clock stands still
    // now, so that nothing but the next question can show what has come.
    await page.clock.pauseAt((await page.evaluate<number>('Date.now()')) + 100);
    const { review } = await openReview(clientOf('admin'), 'payroll', { total: 4 });
    await page.clock.runFor(POLL_MS);
    await until('the review that was asked for', async () => {
      await page.clock.runFor(SHORT_MS);
      return (await page.locator(`tr[data-id="${review.id}"]`).count()) === 1;
    });
    await page.clock.resume();
    await page.unroute(EVENTS);
    await pass(page, SILENCE_MS);
    await pass(page, POLL_MS);
    await mark(page, 'Live');
  });
});
