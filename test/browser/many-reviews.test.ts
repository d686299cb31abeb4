import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { type Database, openDatabase } from '../../src/store/database.js';
import { PATIENT_LIMITS } from '../../src/store/limits.js';
import { addManyReviews, removeManyReviews } from '../support/many-reviews.js';
import { until } from '../support/until.js';
import { clientOf, type Visit } from './browser.js';
import { useWindows } from './windows.js';
import { INVOICE, openReview } from './workflows.js';

const COUNT = 10_000;
/** Copies are made of these in turns; the first alone waits for the group `legal` as well. */
const MODELS = ['invoice-approval', 'mail-triage', 'scan-split'] as const;
const PAGE = 50;

let database: Database;
const { open, openUnwatched } = useWindows();

beforeAll(async () => {
  database = openDatabase(inject('databaseUrl'), { maxConnections: 1, limits: PATIENT_LIMITS });
  const admin = clientOf('admin');
  const snapshots = [INVOICE, { category: 'other' }, { documents: [{ name: 'One', pages: [1] }] }];
  const models: string[] = [];
  for (const [index, workflowId] of MODELS.entries()) {
    models.push((await openReview(admin, workflowId, snapshots[index] ?? {})).review.id);
  }
  await addManyReviews(database.db, { models, count: COUNT });
});

afterAll(async () => {
  await removeManyReviews(database.db);
  await database.close();
});

async function on(path: string): Promise<Visit> {
  const here = await open('dana');
  await here.go(path);
  return here;
}

/** What the page says of each row; the compiler knows no documents here. */
const ROWS = `[...document.querySelectorAll('table.queue tbody tr')].map((row) => [
  row.dataset.id, row.querySelector('a.row-link').textContent,
])`;

type Row = { readonly id: string; readonly number: number };

/** The rows on screen, each with the number of the copy in its name. */
async function rowsOf(page: Page): Promise<readonly Row[]> {
  await page.locator('table.queue[aria-busy="false"]').waitFor();
  const rows = await page.evaluate<readonly (readonly [id: string, name: string])[]>(ROWS);
  return rows.map(([id, name]) => ({ id, number: Number(/\d{5}$/.exec(name)?.[0]) }));
}

/** The number at the name of the present view. */
async function countOf(page: Page): Promise<string> {
  return (await page.locator('.tab[aria-current="page"] .count').textContent()) ?? 'none';
}

async function turn(page: Page, key: ']' | '[', cursor: string): Promise<readonly Row[]> {
  await page.keyboard.press(key);
  await page.waitForURL((url) => url.search.includes(cursor));
  return await rowsOf(page);
}

/** The numbers of the copies that have some digits in them. */
function numbersWith(digits: string): readonly number[] {
  return Array.from({ length: COUNT }, (_, number) => number).filter((number) =>
    String(number).padStart(5, '0').includes(digits),
  );
}

describe('ten thousand open reviews', () => {
  test('show a first page of fifty, and that there are many more', async () => {
    const { page } = await on('/?order=oldest');
    expect(await rowsOf(page)).toHaveLength(PAGE);
    expect(await countOf(page)).toBe('10,000+');
  });

  test('are paged through by keys, forth and back, without a gap or a repeat', async () => {
    const { page } = await on('/?order=oldest');
    const pages = [await rowsOf(page)];
    for (let next = 1; next < 5; next += 1) {
      pages.push(await turn(page, ']', `after=${pages.at(-1)?.at(-1)?.id}`));
    }
    const seen = pages.flat();
    expect(new Set(seen.map(({ id }) => id)).size).toBe(5 * PAGE);
    // Three copies each are of one instant, in no order that their numbers tell.
    expect(seen.map(({ number }) => Math.floor(number / 3))).toEqual(
      seen.map((_, place) => Math.floor(place / 3)),
    );
    expect(await turn(page, '[', `before=${pages[4]?.[0]?.id}`)).toEqual(pages[3]);
    expect(await turn(page, '[', `before=${pages[3]?.[0]?.id}`)).toEqual(pages[2]);
    await page.goBack();
    await page.waitForURL((url) => url.search.includes(`before=${pages[4]?.[0]?.id}`));
    expect(await rowsOf(page)).toEqual(pages[3]);
  });

  test('are narrowed by a search that is typed in two goes, then by a group, and widened again by going back', async () => {
    const { page, settled } = await on('/?order=oldest');
    const all = numbersWith('0777');
    await page.keyboard.press('/');
    await page.keyboard.type('07');
    await page.waitForURL((url) => url.search.includes('search=07'));
    await page.keyboard.type('77');
    await page.waitForURL((url) => url.search.includes('search=0777'));
    await settled();
    const numbers = async (): Promise<readonly number[]> =>
      (await rowsOf(page)).map(({ number }) => number).toSorted((a, b) => a - b);
    expect(await numbers()).toEqual(all);
    expect(await countOf(page)).toBe(String(all.length));

    await page.getByRole('combobox', { name: 'Group' }).selectOption('legal');
    await page.waitForURL((url) => url.search.includes('group=legal'));
    await settled();
    const ofLegal = all.filter((number) => number % MODELS.length === 0);
    expect(await numbers()).toEqual(ofLegal);
    expect(await countOf(page)).toBe(String(ofLegal.length));

    await page.goBack();
    await until(
      'the search without the group',
      async () => (await numbers()).length === all.length,
    );
    await settled();
    expect(await countOf(page)).toBe(String(all.length));
    expect(await page.getByRole('combobox', { name: 'Group' }).inputValue()).toBe('');
  });

  test('are reached from their other end by another order', async () => {
    const { page, settled } = await on('/?order=oldest&search=09');
    await page.getByRole('combobox', { name: 'Order' }).selectOption('newest');
    await page.waitForURL((url) => url.search.includes('order=newest'));
    await settled();
    const places = numbersWith('09').map((number) => Math.floor(number / 3));
    expect((await rowsOf(page)).map(({ number }) => Math.floor(number / 3))).toEqual(
      places.toReversed().slice(0, PAGE),
    );
    expect(await page.getByRole('link', { name: 'Previous' }).count()).toBe(0);
  });
});

describe('the first page', () => {
  test('is asked for beside who is signed in, once somebody was', async () => {
    const { page } = await on('/');
    const asked = page.waitForRequest((request) => request.url().includes('/v1/inbox?'));
    await page.route('**/v1/session', async (route) => {
      await asked;
      await route.continue();
    });
    await page.reload();
    expect(await rowsOf(page)).toHaveLength(PAGE);
  });

  test('leads to signing in when the session has ended, and asks no more then', async () => {
    const { page, context, go, settled, close } = await openUnwatched('dana');
    try {
      await go('/?order=oldest');
      await context.clearCookies();
      await page.reload();
      await page.waitForURL((url) => url.pathname === '/signin');
      await settled();
      expect(new URL(page.url()).searchParams.get('return_to')).toBe('/?order=oldest');
      const asked: string[] = [];
      page.on('request', (request) => asked.push(new URL(request.url()).pathname));
      await page.goto('/');
      await page.waitForURL((url) => url.pathname === '/signin');
      await settled();
      expect(asked.filter((path) => path.startsWith('/v1/inbox'))).toEqual([]);
    } finally {
      await close();
    }
  });
});
