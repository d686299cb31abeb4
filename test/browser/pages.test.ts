import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startChromium } from '../support/chromium.js';
import { clientOf, SIZES, visit, violations } from './browser.js';
import type { PersonId } from './people.js';
import { INVOICE, openReview } from './workflows.js';

type Shown = {
  readonly name: string;
  readonly as: PersonId | 'admin' | null;
  /** Where it is; given when the reviews are open. */
  readonly path: () => string;
  /** Keys that bring it into the state that is looked at. */
  readonly keys?: readonly string[];
  /** A button that is pressed after them. */
  readonly button?: string;
};

const open: Record<string, string> = {};
const at = (name: string): string => open[name] ?? '';

const PAGES: readonly Shown[] = [
  { name: 'inbox', as: 'dana', path: () => '/' },
  { name: 'inbox-all', as: 'admin', path: () => '/?view=all' },
  { name: 'inbox-empty', as: 'alex', path: () => '/' },
  { name: 'inbox-no-match', as: 'dana', path: () => '/?search=nothing-is-called-so' },
  { name: 'review-extract', as: 'dana', path: () => `/reviews/${at('invoice')}` },
  { name: 'review-corrected', as: 'lee', path: () => `/reviews/${at('corrected')}` },
  { name: 'review-changes', as: 'lee', path: () => `/reviews/${at('corrected')}?show=changes` },
  { name: 'review-json', as: 'dana', path: () => `/reviews/${at('invoice')}?show=json` },
  { name: 'review-correcting', as: 'dana', path: () => `/reviews/${at('invoice')}`, keys: ['e'] },
  {
    name: 'review-json-editor',
    as: 'dana',
    path: () => `/reviews/${at('invoice')}`,
    keys: ['e'],
    button: 'JSON',
  },
  { name: 'review-rejecting', as: 'dana', path: () => `/reviews/${at('invoice')}`, keys: ['r'] },
  { name: 'review-classifier', as: 'dana', path: () => `/reviews/${at('mail')}` },
  { name: 'review-split', as: 'dana', path: () => `/reviews/${at('split')}` },
  {
    name: 'review-split-correcting',
    as: 'dana',
    path: () => `/reviews/${at('split')}`,
    keys: ['e'],
  },
  { name: 'review-undo', as: 'admin', path: () => `/reviews/${at('transfer')}` },
  { name: 'review-release', as: 'admin', path: () => `/reviews/${at('payroll')}` },
  { name: 'review-rejected', as: 'dana', path: () => `/reviews/${at('rejected')}` },
  { name: 'review-source', as: 'admin', path: () => `/reviews/${at('source')}` },
  { name: 'review-pdf', as: 'admin', path: () => `/reviews/${at('pdf')}` },
  { name: 'review-not-mine', as: 'kim', path: () => `/reviews/${at('mail')}` },
  { name: 'review-missing', as: 'dana', path: () => '/reviews/rev_AAAAAAAAAAAAAAAAAAAAAAAAAA' },
  { name: 'runs', as: 'dana', path: () => '/runs' },
  { name: 'run', as: 'admin', path: () => `/runs/${at('invoice-run')}` },
  { name: 'run-cancelled', as: 'admin', path: () => `/runs/${at('rejected-run')}` },
  { name: 'workflows', as: 'dana', path: () => '/workflows' },
  { name: 'workflow', as: 'dana', path: () => '/workflows/invoice-approval' },
  { name: 'operations', as: 'admin', path: () => '/operations' },
  { name: 'operations-forbidden', as: 'dana', path: () => '/operations' },
  { name: 'shortcuts', as: 'dana', path: () => '/', keys: ['?'] },
  { name: 'not-found', as: 'dana', path: () => '/nowhere' },
  { name: 'sign-in', as: null, path: () => '/signin?error=expired' },
  { name: 'sign-in-link-gone', as: null, path: () => '/signin/link/used-up' },
];

let browser: Browser;

beforeAll(async () => {
  browser = await startChromium();
  const admin = clientOf('admin');
  const [dana, lee] = [clientOf('dana'), clientOf('lee')];

  const invoice = await openReview(admin, 'invoice-approval', INVOICE);
  open['invoice'] = invoice.review.id;
  open['invoice-run'] = invoice.run.id;
  await lee.reviews.approve(invoice.review.id, invoice.review.newest_version_id);

  const again = await openReview(admin, 'invoice-approval', {
    ...INVOICE,
    invoice_number: '58 216',
  });
  open['corrected'] = again.review.id;
  await lee.reviews.approve(again.review.id, again.review.newest_version_id);
  await dana.reviews.versions.create({
    review_id: again.review.id,
    parent_id: again.review.newest_version_id,
    snapshot: {
      ...INVOICE,
      invoice_number: '58 216',
      due_date: '2026-06-30',
      lines: [
        ...INVOICE.lines.slice(0, 2),
        { description: 'Hoist operator', quantity: 36, amount: 5400 },
      ],
    },
    note: 'Due date and hours as on the delivery note.',
  });

  open['mail'] = (await openReview(admin, 'mail-triage', { category: 'contract' })).review.id;
  open['split'] = (
    await openReview(admin, 'scan-split', {
      documents: [
        { name: 'Invoice 58214', pages: [1, 2, 3] },
        { name: 'Delivery note', pages: [4, 5] },
        { name: 'Contract', pages: [7, 8, 9, 10, 11, 12] },
      ],
    })
  ).review.id;
  const transfer = await openReview(admin, 'wire-transfer', {
    iban: 'SE35 5000 0000 0549 1000 0003',
    amount: 18450.5,
  });
  open['transfer'] = transfer.review.id;
  await dana.reviews.approve(transfer.review.id, transfer.review.newest_version_id);
  const payroll = await openReview(admin, 'payroll', {
    month: '2026-05',
    people: 42,
    total: 183200,
  });
  open['payroll'] = payroll.review.id;
  await dana.reviews.approve(payroll.review.id, payroll.review.newest_version_id);
  const rejected = await openReview(admin, 'invoice-approval', { ...INVOICE, total_amount: 99999 });
  open['rejected'] = rejected.review.id;
  open['rejected-run'] = rejected.run.id;
  await dana.reviews.reject(
    rejected.review.id,
    rejected.review.newest_version_id,
    'Nobody ordered this.',
  );
  for (const [name, file] of [
    ['source', 'brandt-RE-20417.xml'],
    ['pdf', 'hotel-kirchengarten-2026-1187.pdf'],
  ] as const) {
    const run = await admin.runs.start({
      workflow_id: 'invoice-intake',
      json_inputs: { extract: { file } },
    });
    await admin.runs.waitFor(run.id, {
      until: ({ lifecycle }) => lifecycle.status !== 'running' && lifecycle.status !== 'pending',
      signal: AbortSignal.timeout(60_000),
    });
    open[name] = (await admin.reviews.list({ run_id: run.id }).page()).data[0]?.id ?? '';
  }
});

afterAll(async () => {
  await browser?.close();
});

test.concurrent.each(PAGES)(
  '$name has nothing that axe or the console complains of, wide and narrow, in light and in dark',
  async ({ name, as, path, keys = [], button }) => {
    const here = await visit(browser, as);
    const { page } = here;
    try {
      await here.go(path());
      for (const key of keys) {
        await page.keyboard.press(key);
        await page.getByText(/^Loading/).waitFor({ state: 'detached' });
      }
      if (button !== undefined) {
        await page.getByRole('button', { name: button }).press('Enter');
        await page.getByText(/^Loading/).waitFor({ state: 'detached' });
      }
      await here.settled();
      for (const size of ['wide', 'narrow'] as const) {
        await page.setViewportSize(SIZES[size]);
        await page.emulateMedia({ colorScheme: 'light' });
        expect(await violations(page), `${name}, ${size}`).toEqual([]);
        await page.emulateMedia({ colorScheme: 'dark' });
        // A theme changes colours, and nothing else.
        expect(await violations(page, 'contrast'), `${name}, ${size}, dark`).toEqual([]);
        expect(await overflowOf(page), 'nothing is wider than the screen').toBe(0);
      }
      expect(here.complaints).toEqual([]);
    } finally {
      await here.close();
    }
  },
);

async function overflowOf(page: Page): Promise<number> {
  return await page.evaluate<number>(
    'document.documentElement.scrollWidth - document.documentElement.clientWidth',
  );
}
