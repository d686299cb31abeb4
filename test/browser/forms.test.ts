import { sql } from 'kysely';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import type { Client, JsonObject, Review } from '../../src/client/index.js';
import { openDatabase } from '../../src/store/database.js';
import { startChromium } from '../support/chromium.js';
import { until } from '../support/until.js';
import { clientOf, violations, visit, type Visit } from './browser.js';
import type { PersonId } from './people.js';
import { INVOICE, openReview } from './workflows.js';

let browser: Browser;
const visits: Visit[] = [];

const text = { type: ['string', 'null'] };

/** Fields that may be left out, or be without a value. */
const MAYBE = {
  type: 'object',
  required: ['kept', 'place', 'marks'],
  properties: {
    kept: { type: 'string' },
    count: { type: 'number' },
    place: {
      type: ['object', 'null'],
      required: ['city'],
      properties: { city: { type: 'string' }, zip: { type: 'string' } },
    },
    marks: { type: ['array', 'null'], items: { type: 'string' } },
  },
};

/** A field of every kind that a schema can ask for. */
const KINDS = {
  type: 'object',
  required: ['name', 'when', 'count', 'amount', 'currency', 'address', 'lines', 'tags', 'either'],
  properties: {
    name: { anyOf: [{ type: 'string' }, { type: 'null' }] },
    when: { type: ['string', 'null'], format: 'date' },
    count: { type: 'integer', minimum: 1 },
    amount: { type: ['number', 'null'] },
    currency: { enum: ['EUR', 'SEK', null] },
    address: {
      type: ['object', 'null'],
      required: ['city'],
      properties: { city: { type: 'string' } },
    },
    lines: {
      type: 'array',
      items: { type: 'object', required: ['what'], properties: { what: text, cost: text } },
    },
    tags: { type: 'array', items: { type: 'string' } },
    either: { oneOf: [{ type: 'integer' }, { type: 'string' }] },
  },
};

const OF_EVERY_KIND = {
  name: 'Brandt',
  when: null,
  count: 2,
  amount: 12.5,
  currency: 'EUR',
  address: null,
  lines: [{ what: 'Stones', cost: '12' }],
  tags: ['a'],
  either: 7,
  /** The schema does not name it. */
  beside: 'kept',
};

beforeAll(async () => {
  browser = await startChromium();
  const admin = clientOf('admin');
  const declare = async (id: string, block: object, review: object): Promise<void> => {
    await admin.workflows.put(id, {
      blocks: [
        { id: 'it', executor: { kind: 'supplied' }, ...block, review: { name: id, ...review } },
      ],
    });
  };
  const groups = ['finance', 'legal'];
  await declare('every-kind', { type: 'extract', json_schema: KINDS }, { groups });
  await declare('maybe', { type: 'extract', json_schema: MAYBE }, { groups });
  await declare('no-schema', { type: 'task' }, { groups });
  await declare('disputed', { type: 'task' }, { groups, acknowledge_superseded: true });
  await declare('pile', { type: 'split', allow_overlap: true }, { groups });
  await declare('strict-pile', { type: 'split' }, { groups });
  await declare(
    'kinds-of-mail',
    { type: 'classifier', categories: ['invoice', 'complaint', 'other'] },
    { groups, predicate: { kind: 'category_in', categories: ['other'] } },
  );
  await declare(
    'any-line',
    { type: 'task' },
    {
      groups,
      predicate: {
        kind: 'json_condition',
        condition: {
          sub_conditions: [{ path: 'data.lines.*.amount', operator: 'is_greater_than', value: 5 }],
        },
      },
    },
  );
});

afterEach(async () => {
  for (const { complaints, close } of visits.splice(0)) {
    await close();
    // What the server refuses, Chromium reports; the page shows it.
    expect(complaints.filter((each) => !/status of 4(09|22)/.test(each))).toEqual([]);
  }
});

afterAll(async () => {
  await browser?.close();
});

async function openIn(workflowId: string, snapshot: JsonObject): Promise<Review> {
  const admin = clientOf('admin');
  const run = await admin.runs.start({ workflow_id: workflowId, json_inputs: { it: snapshot } });
  return await until(`the review of ${run.id}`, async () => {
    const { data } = await admin.reviews.list({ run_id: run.id }).page();
    return data[0];
  });
}

async function on(path: string, as: PersonId): Promise<Visit> {
  const here = await visit(browser, as);
  visits.push(here);
  await here.go(path);
  return here;
}

async function correcting(review: Review): Promise<Visit> {
  const here = await on(`/reviews/${review.id}`, 'sam');
  await here.page.keyboard.press('e');
  await here.page.getByRole('form', { name: 'Correct version 1' }).waitFor();
  return here;
}

function field(page: Page, path: string): Locator {
  return page.locator(`.field[data-path="${path}"]`);
}

async function save(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Save', exact: true }).press('Enter');
}

async function saved(page: Page, client: Client, review: Review): Promise<JsonObject> {
  await save(page);
  await page.getByRole('status').getByText('Saved as a new version').waitFor();
  const { data } = await client.reviews.versions.list(review.id).page();
  const newest = data.at(-1);
  expect(newest?.parent_id).toBe(review.newest_version_id);
  return newest?.snapshot ?? {};
}

async function add(
  as: PersonId,
  review: Review,
  parentId: string,
  snapshot: JsonObject,
): Promise<string> {
  const { versions } = clientOf(as).reviews;
  return (await versions.create({ review_id: review.id, parent_id: parentId, snapshot })).id;
}

describe('the form', () => {
  test('has a control for every kind of field, and saves what they say', async () => {
    const review = await openIn('every-kind', OF_EVERY_KIND);
    const { page } = await correcting(review);
    await page.getByLabel('Name', { exact: true }).fill('');
    await page.getByLabel('When').fill('2026-07-01');
    await page.getByLabel('Count', { exact: true }).fill('1.5');
    await field(page, 'count').getByText('Expected a whole number.').waitFor();
    await page.getByLabel('Count', { exact: true }).fill('0');
    await field(page, 'count').getByText('Expected at least 1.').waitFor();
    await page.getByLabel('Count', { exact: true }).fill('3');
    await page.getByLabel('Amount').fill('');
    await page.getByLabel('Currency').selectOption('SEK');
    await page.getByRole('button', { name: 'Fill in address' }).press('Enter');
    expect(await page.evaluate('document.activeElement.closest("[data-path]").dataset.path')).toBe(
      'address.city',
    );
    await page.keyboard.type('Malmö');
    await page.getByLabel('Cost', { exact: true }).fill('');
    await page.getByRole('button', { name: 'Add to Lines' }).press('Enter');
    await page.keyboard.type('Sand');
    await page.getByRole('button', { name: 'Remove Tags 1' }).press('Enter');
    await page.getByLabel('Either').fill('{"a":');
    await field(page, 'either').getByText('This is not JSON').waitFor();
    expect(await page.getByRole('button', { name: 'Save', exact: true }).isDisabled()).toBe(true);
    await page.getByLabel('Either').fill('{"a": [1]}');
    await page.getByLabel('Beside', { exact: true }).fill('still kept');
    expect(await violations(page)).toEqual([]);
    expect(await saved(page, clientOf('sam'), review)).toEqual({
      name: null,
      when: '2026-07-01',
      count: 3,
      amount: null,
      currency: 'SEK',
      address: { city: 'Malmö' },
      lines: [{ what: 'Stones', cost: null }, { what: 'Sand' }],
      tags: [],
      either: { a: [1] },
      beside: 'still kept',
    });
  });

  test('leaves out what is optional, and empties what may have no value', async () => {
    const review = await openIn('maybe', {
      kept: 'x',
      count: 1,
      place: { city: 'Malmö', zip: '2' },
      marks: ['a', 'b'],
    });
    const { page } = await correcting(review);
    const focused = async (): Promise<unknown> =>
      await page.evaluate(
        '(document.activeElement.ariaLabel ?? document.activeElement.textContent).trim()',
      );
    // What could not be read goes with its field.
    await page.getByLabel('Count', { exact: true }).fill('many');
    await page.getByText('This is no number').waitFor();
    await page.getByRole('button', { name: 'Leave out Count' }).press('Enter');
    expect(await focused()).toBe('Add Count');
    await page.getByRole('button', { name: 'Leave out Zip' }).press('Enter');
    expect(await focused()).toBe('Add Zip');
    expect(await page.getByRole('button', { name: 'Leave out Kept' }).count()).toBe(0);
    expect(await page.getByRole('button', { name: 'Leave out Place' }).count()).toBe(0);
    await page.getByRole('button', { name: 'Clear Marks' }).press('Enter');
    expect(await focused()).toBe('Add to Marks');
    expect(await violations(page)).toEqual([]);
    expect(await saved(page, clientOf('sam'), review)).toEqual({
      kept: 'x',
      place: { city: 'Malmö' },
      marks: null,
    });
    await page.keyboard.press('e');
    await page.getByRole('form', { name: 'Correct version 2' }).waitFor();
    await page.getByRole('button', { name: 'Clear Place' }).press('Enter');
    expect(await focused()).toBe('Fill in place');
    await page.getByRole('button', { name: 'Add to Marks' }).press('Enter');
    await page.keyboard.type('c');
    await save(page);
    await page.getByRole('form', { name: 'Correct version 2' }).waitFor({ state: 'detached' });
    const { data } = await clientOf('sam').reviews.versions.list(review.id).page();
    expect(data.at(-1)?.snapshot).toEqual({ kept: 'x', place: null, marks: ['c'] });
  });

  test('follows the values where no schema says what they are', async () => {
    const review = await openIn('no-schema', {
      total: 5,
      note: 'x',
      ok: true,
      nothing: null,
      rows: [{ a: 1 }],
      mixed: [1, 'two'],
    });
    const { page } = await correcting(review);
    await page.getByLabel('Total').fill('6.25');
    await page.getByLabel('Ok').selectOption('no');
    await page.getByLabel('Nothing').fill('"something"');
    await page.getByRole('button', { name: 'Add to Rows' }).press('Enter');
    await page.keyboard.type('2');
    await page.getByLabel('Mixed').fill('[]');
    expect(await saved(page, clientOf('sam'), review)).toEqual({
      total: 6.25,
      note: 'x',
      ok: false,
      nothing: 'something',
      rows: [{ a: 1 }, { a: 2 }],
      mixed: [],
    });
  });

  test('forgets what could not be read in an item that is removed', async () => {
    const review = await openIn('no-schema', { rows: [{ a: 1 }, { a: 2 }] });
    const { page } = await correcting(review);
    await page.getByLabel('A', { exact: true }).nth(1).fill('many');
    await page.getByText('This is no number').waitFor();
    await page.getByRole('button', { name: 'Remove Rows 2' }).press('Enter');
    expect(await saved(page, clientOf('sam'), review)).toEqual({ rows: [{ a: 1 }] });
  });

  test('shows beside a field why the server refused it', async () => {
    const review = await openIn('strict-pile', {
      documents: [
        { name: 'One', pages: [1, 2] },
        { name: 'Two', pages: [3] },
      ],
    });
    const { page } = await correcting(review);
    const pages = field(page, 'documents.1.pages');
    await pages.getByRole('textbox').fill('2-3');
    await save(page);
    await page.getByRole('status').getByText('Not saved').waitFor();
    await pages.getByText('page 2 lies in the part at index 0 already').waitFor();
    expect(await pages.getByRole('textbox').getAttribute('aria-invalid')).toBe('true');
    expect(await violations(page)).toEqual([]);
    await pages.getByRole('textbox').fill('3-4');
    await pages.getByText('page 2 lies').waitFor({ state: 'detached' });
    expect(await saved(page, clientOf('sam'), review)).toMatchObject({
      documents: [{}, { pages: [3, 4] }],
    });
  });
});

describe('several versions', () => {
  test('are compared as one likes, any two of them', async () => {
    const review = await openIn('no-schema', { a: 1, b: 1 });
    const second = await add('sam', review, review.newest_version_id, { a: 2, b: 1 });
    await add('dana', review, second, { a: 2, b: 1, c: 1 });
    const { page } = await on(`/reviews/${review.id}?show=changes`, 'sam');
    await page.getByRole('row', { name: /^C added/ }).waitFor();
    await page.getByLabel('Compare from').selectOption({ label: 'Version 1 · from the run' });
    await page.getByRole('row', { name: /^A 1 2/ }).waitFor();
    expect(await page.locator('table.changes tbody tr').count()).toBe(2);
    await page
      .getByRole('combobox', { name: 'Version', exact: true })
      .selectOption({ label: 'Version 2 · Sam Lindqvist' });
    await page.getByRole('row', { name: /^C / }).waitFor({ state: 'detached' });
    await page.getByRole('row', { name: /^A 1 2/ }).waitFor();
    expect(new URL(page.url()).searchParams.get('version')).toBe(second);
  });

  test('an older one is approved once it has been asked for again', async () => {
    const review = await openIn('no-schema', { a: 1 });
    await add('dana', review, review.newest_version_id, { a: 2 });
    const { page } = await on(`/reviews/${review.id}?version=${review.newest_version_id}`, 'sam');
    await page.keyboard.press('a');
    const dialog = page.getByRole('dialog', { name: 'Approve version 1?' });
    await dialog.getByText('Version 2 is newer.').waitFor();
    await dialog.getByRole('row', { name: /^A 1 2/ }).waitFor();
    expect(await violations(page)).toEqual([]);
    await dialog.getByRole('button', { name: 'Approve version 1' }).press('Enter');
    await page.getByText('Sam Lindqvist approved version 1.').waitFor();
    expect((await clientOf('sam').reviews.get(review.id)).decision?.version_id).toBe(
      review.newest_version_id,
    );
  });

  test('one that nobody built on is named before it is discarded', async () => {
    const review = await openIn('disputed', { a: 1 });
    await add('dana', review, review.newest_version_id, { a: 2 });
    const { page } = await on(`/reviews/${review.id}?version=${review.newest_version_id}`, 'sam');
    await page.keyboard.press('a');
    const dialog = page.getByRole('dialog', { name: 'Approve version 1?' });
    await dialog.getByRole('button', { name: 'Approve version 1' }).press('Enter');
    await dialog.getByText('This discards version 2').waitFor();
    expect((await clientOf('sam').reviews.votes(review.id).page()).data).toEqual([]);
    await dialog.getByRole('button', { name: 'Approve version 1' }).press('Enter');
    await page.getByText('Sam Lindqvist approved version 1.').waitFor();
  });

  test('what changed since my vote is one key away', async () => {
    const review = await openIn('no-schema', { a: 1, b: 1 });
    await clientOf('lee').reviews.approve(review.id, review.newest_version_id);
    const second = await add('dana', review, review.newest_version_id, { a: 2, b: 1 });
    await add('dana', review, second, { a: 2, b: 3 });
    const { page } = await on(`/reviews/${review.id}`, 'lee');
    await page.getByText('You approved version 1.').waitFor();
    await page.getByRole('button', { name: 'What changed since my vote' }).press('Enter');
    await page.getByRole('row', { name: /^A 1 2/ }).waitFor();
    await page.getByRole('row', { name: /^B 1 3/ }).waitFor();
  });
});

describe('what is shown', () => {
  test('a required field without a value is marked as what stopped the run', async () => {
    const { review } = await openReview(clientOf('admin'), 'invoice-approval', {
      ...INVOICE,
      total_amount: 10,
    });
    const { page } = await on(`/reviews/${review.id}`, 'dana');
    const marked = page.locator('[data-fired="now"]');
    expect(await marked.count()).toBe(1);
    expect(await marked.innerText()).toMatch(/Due date\s+no value\s*stopped the run/);
  });

  test('every item of a list that a condition looked at is marked', async () => {
    const review = await openIn('any-line', { lines: [{ amount: 7 }, { amount: 9 }] });
    const { page } = await on(`/reviews/${review.id}`, 'dana');
    await page.getByText('Lines › every item › Amount', { exact: true }).waitFor();
    expect(await page.locator('td[data-fired="now"]').allInnerTexts()).toEqual(['7', '9']);
  });

  test('pages in no part and in several are told, and seen on the strip', async () => {
    const review = await openIn('pile', {
      documents: [
        { name: 'Invoice', pages: [1, 2] },
        { name: 'Letter', pages: [2, 5] },
      ],
    });
    const { page } = await on(`/reviews/${review.id}`, 'dana');
    await page.getByText('One page is in more than one part: 2.').waitFor();
    await page.getByText('2 pages are in no part: 3–4.').waitFor();
    const strip = page.getByRole('list', { name: 'Pages' });
    expect(await strip.getByRole('listitem').count()).toBe(5);
    await strip.getByText('Page 2: Invoice and Letter').waitFor();
    await strip.getByText('Page 4: in no part').waitFor();
    expect(await violations(page)).toEqual([]);
  });

  test('the other categories are shown with their votes', async () => {
    const review = await openIn('kinds-of-mail', { category: 'other' });
    const choices = ['other', 'invoice', 'other'].map((category) => ({ category }));
    const database = openDatabase(inject('databaseUrl'), { maxConnections: 1 });
    try {
      await sql`update step set consensus = ${JSON.stringify({ choices })} where id = ${review.step_id}`.execute(
        database.db,
      );
    } finally {
      await database.close();
    }
    const { page } = await on(`/reviews/${review.id}`, 'dana');
    const categories = page.getByRole('list', { name: 'Categories' }).getByRole('listitem');
    expect(await categories.allInnerTexts()).toEqual([
      expect.stringMatching(/^other\s+2 of 3 votes\s+chosen\s+stopped the run$/),
      expect.stringMatching(/^invoice\s+1 of 3 votes$/),
      expect.stringMatching(/^complaint\s+0 of 3 votes$/),
    ]);
  });
});
