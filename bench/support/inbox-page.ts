import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { Db } from '../../src/store/database.js';
import { linkFor } from '../../test/support/browser-session.js';
import { useCode } from '../../test/support/chromium.js';

/**
 * Runs in every page before its own scripts. `firstRow` resolves when the queue has rows on screen; `changed` when
 * other rows are there than at the moment of the next event of a kind. Both say milliseconds.
 */
const CLOCK = `
  const painted = (resolve, from) =>
    requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - from)));
  const rows = () => {
    const table = document.querySelector('table.queue');
    return table === null || table.getAttribute('aria-busy') === 'true'
      ? null
      : [...table.querySelectorAll('tbody tr')].map((row) => row.dataset.id).join();
  };
  const watch = (isThere, resolve, from) => {
    const observer = new MutationObserver(() => {
      if (isThere()) {
        observer.disconnect();
        painted(resolve, from);
      }
    });
    observer.observe(document, { subtree: true, childList: true, attributes: true });
  };
  globalThis.firstRow = new Promise((resolve) => watch(() => rows() !== null, resolve, 0));
  globalThis.changed = (event) =>
    new Promise((resolve) => {
      addEventListener(event, () => {
        const before = rows();
        const from = performance.now();
        watch(() => rows() !== null && rows() !== before, resolve, from);
      }, { once: true, capture: true });
    });
`;

const PATIENCE_MS = 20_000;

/** A window with an empty cache, signed in as somebody. */
export async function openWindow(
  browser: Browser,
  db: Db,
  url: string,
  person: string,
): Promise<{ readonly context: BrowserContext; readonly page: Page }> {
  const context = await browser.newContext({
    baseURL: url,
    viewport: { width: 1280, height: 800 },
  });
  await useCode(context, url, await linkFor({ db }, person));
  await context.addInitScript({ content: CLOCK });
  return { context, page: await context.newPage() };
}

/** From the start of a navigation to the first row on screen. */
export async function timeNavigation(page: Page, path: string): Promise<number> {
  await page.goto(path, { waitUntil: 'commit' });
  return await milliseconds(page, 'globalThis.firstRow');
}

/** From an event in the page to the rows that it leads to on screen. */
export async function timeChange(
  page: Page,
  event: 'change' | 'input' | 'keydown',
  act: () => Promise<unknown>,
): Promise<number> {
  await page.evaluate(`void (globalThis.next = globalThis.changed('${event}'))`);
  await act();
  return await milliseconds(page, 'globalThis.next');
}

async function milliseconds(page: Page, expression: string): Promise<number> {
  const value: unknown = await page.evaluate(
    `Promise.race([${expression}, new Promise((resolve) => setTimeout(resolve, ${PATIENCE_MS}))])`,
  );
  if (typeof value !== 'number') {
    throw new Error(`no rows came within ${PATIENCE_MS} ms (${expression}) at ${page.url()}`);
  }
  return value;
}
