import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Browser, Locator, Page } from 'playwright-core';
import { buildInbox } from '../src/cli/inbox-build.js';
import type { Actor } from '../src/store/actors.js';
import { SYSTEM } from '../src/store/actors.js';
import { openDatabase, type Database } from '../src/store/database.js';
import { PATIENT_LIMITS } from '../src/store/limits.js';
import { countInbox, EVERYTHING, listInbox, readFacets } from '../src/store/inbox.js';
import { startChromium } from '../test/support/chromium.js';
import { addManyReviews, removeManyReviews } from '../test/support/many-reviews.js';
import { nowMs } from './support/clock.js';
import { openWindow, timeChange, timeNavigation } from './support/inbox-page.js';
import { describeMachine, systemLoad } from './support/machine.js';
import { explaining } from './support/plans.js';
import { runBench } from './support/run-bench.js';
import type { Stage } from './support/stage.js';
import { median, spread } from './support/statistics.js';
import { table } from './support/table.js';

// Measures the inbox in a real browser with few and with many open reviews, in turns. See docs/performance.md.

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    plans: { type: 'boolean', default: false },
    'api-only': { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1 || rounds > 20) {
  console.error(`bench: --rounds is '${values.rounds}': give a number from 1 to 20.`);
  process.exit(1);
}

const FEW = 50;
const MANY = 10_000;
const PERSON = 'dana';
const GROUPS = ['finance', 'legal'];
const PAGES = 20;
const REQUESTS = 10;
/** How long somebody looks at a page, at least. */
const LOOK_MS = 400;
const loadBefore = systemLoad();

/** Milliseconds by what was measured, in the order of the table. */
type Samples = Map<string, number[]>;

await runBench({ isTraced: false, isStock: false, limitMs: 10 * 60_000 }, async (stage, say) => {
  await buildInbox();
  const machine = await describeMachine(stage, loadBefore);
  await stage.startWorker();
  const database = openDatabase(stage.databaseUrl, {
    maxConnections: 2,
    limits: PATIENT_LIMITS,
  });
  const browser = await startChromium();
  try {
    const token = await prepare(stage);
    const models = await openModels(stage);
    const bySize = new Map<number, Samples>([
      [FEW, new Map()],
      [MANY, new Map()],
    ]);
    for (let round = 1; round <= rounds; round += 1) {
      for (const [size, samples] of bySize) {
        say(`round ${round} of ${rounds}: ${size} open reviews`);
        await addManyReviews(database.db, { models, count: size - models.length });
        await timeRequests(stage, token, samples);
        if (!values['api-only']) {
          await timePages(stage, database, browser, samples);
        }
        if (values.plans && size === MANY && round === rounds) {
          await explaining(stage.databaseUrl, explained, console.log);
        }
        await removeManyReviews(database.db);
      }
    }
    const { cores, cpu, load, versions } = machine;
    console.log(
      `${cores} cores (${cpu}), load ${load.join(' ')} before and ${systemLoad().join(' ')} after,`,
    );
    console.log(
      `Node ${versions.node}, PostgreSQL ${versions.postgresql}; milliseconds, median (smallest to largest)\n`,
    );
    console.log(show(bySize));
    return true;
  } finally {
    await browser.close();
    await database.close();
  }
});

function show(bySize: ReadonlyMap<number, Samples>): string {
  const [few, many] = [bySize.get(FEW), bySize.get(MANY)];
  const cell = (samples: readonly number[]): string => {
    const [least, most] = spread(samples);
    return `${median(samples).toFixed(0)} (${least.toFixed(0)} to ${most.toFixed(0)})`;
  };
  return table(
    ['', `${FEW} open`, `${MANY} open`, 'ratio'],
    [...(many ?? [])].map(([what, samples]) => {
      const beside = few?.get(what);
      return beside === undefined
        ? [what, '', cell(samples), '']
        : [what, cell(beside), cell(samples), (median(samples) / median(beside)).toFixed(2)];
    }),
  );
}

function note(samples: Samples, what: string, ms: number): void {
  samples.set(what, [...(samples.get(what) ?? []), ms]);
}

async function prepare({ admin }: Stage): Promise<string> {
  await admin.users.put(PERSON, { name: 'Dana', email: 'dana@localhost', groups: GROUPS });
  const gates = { invoices: GROUPS, mail: ['finance'], contracts: ['legal'] };
  for (const [id, groups] of Object.entries(gates)) {
    const review = { name: `Check of ${id}`, groups };
    await admin.workflows.put(id, {
      name: `Work on ${id}`,
      blocks: [{ id: `check_${id}`, type: 'task', executor: { kind: 'supplied' }, review }],
    });
  }
  return (await admin.tokens.create({ user_id: PERSON })).token;
}

/** One real review of each workflow, which the many are copies of. */
async function openModels({ admin }: Stage): Promise<readonly string[]> {
  const models: string[] = [];
  for (const id of ['invoices', 'mail', 'contracts']) {
    const run = await admin.runs.start({
      workflow_id: id,
      json_inputs: { [`check_${id}`]: { number: '58214', total: 13_550, lines: ['a', 'b', 'c'] } },
    });
    for (let review: string | undefined; review === undefined;) {
      review = (await admin.reviews.list({ run_id: run.id }).page()).data[0]?.id;
      if (review !== undefined) {
        models.push(review);
      }
    }
  }
  return models;
}

/** The API's own times, from a client beside it, one request at a time. */
async function timeRequests(stage: Stage, token: string, samples: Samples): Promise<void> {
  const ask = async (path: string): Promise<unknown> => {
    const response = await fetch(stage.apiUrl + path, {
      headers: { authorization: `Bearer ${token}` },
    });
    if (!response.ok) {
      throw new Error(`${path} was answered ${response.status}`);
    }
    return await response.json();
  };
  const paths = {
    'API: first page': '/v1/inbox?limit=50&order=due',
    'API: first page, newest first': '/v1/inbox?limit=50&order=newest',
    'API: first page, open to me': '/v1/inbox?limit=50&view=open_to_me',
    'API: first page, all': '/v1/inbox?limit=50&view=all&order=newest',
    'API: first page, one group': '/v1/inbox?limit=50&group=legal',
    'API: search for one': '/v1/inbox?limit=50&search=00007',
    'API: counts': '/v1/inbox/counts',
    'API: counts of a search': '/v1/inbox/counts?search=contracts',
    'API: facets': '/v1/inbox/facets',
  };
  for (let turn = 0; turn <= REQUESTS; turn += 1) {
    for (const [what, path] of Object.entries(paths)) {
      const from = nowMs();
      await ask(path);
      // The first of each warms up.
      if (turn > 0) {
        note(samples, what, nowMs() - from);
      }
    }
  }
}

async function timePages(
  stage: Stage,
  { db }: Database,
  browser: Browser,
  samples: Samples,
): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) {
    const { context, page } = await openWindow(browser, db, stage.apiUrl, PERSON);
    note(samples, 'first row, nothing cached', await timeNavigation(page, '/'));
    for (let again = 0; again < 3; again += 1) {
      note(samples, 'first row, files cached', await timeNavigation(page, '/'));
    }
    const choose = (label: string, value: string): Promise<number> =>
      timeChange(page, 'change', () => selectOf(page, label).selectOption(value));
    await selectOf(page, 'Group').locator('option[value=legal]').waitFor({ state: 'attached' });
    note(samples, 'another filter: group', await choose('Group', 'legal'));
    note(samples, 'another filter: workflow', await choose('Workflow', 'contracts'));
    note(samples, 'another order', await choose('Order', 'newest'));
    await timeNavigation(page, '/');
    const search = (): Promise<void> => page.locator('input[type=search]').fill('contracts');
    note(samples, 'search, with 250 ms of pause', await timeChange(page, 'input', search));
    await context.close();
  }
  const { context, page } = await openWindow(browser, db, stage.apiUrl, PERSON);
  await timeNavigation(page, '/');
  for (let turn = 0; turn < PAGES; turn += 1) {
    // A person looks at a page before the next; what is behind it has been read by then.
    const next = page.locator('a[rel=next]');
    await delay(LOOK_MS);
    if ((await next.count()) === 0) {
      break;
    }
    note(samples, 'next page', await timeChange(page, 'keydown', () => page.keyboard.press(']')));
  }
  await context.close();
}

function selectOf(page: Page, label: string): Locator {
  return page.locator(`label.select:has(span:text-is("${label}")) select`);
}

/** What one look at the inbox asks of PostgreSQL. */
async function explained(db: Parameters<typeof readFacets>[0]): Promise<void> {
  const dana: Actor = {
    ...SYSTEM,
    id: PERSON,
    kind: 'person',
    groups: GROUPS,
    roles: ['reviewer'],
  };
  const page = { order: 'due', before: null, after: null, limit: 50 } as const;
  await listInbox(db, dana, 'waiting', EVERYTHING, page);
  await countInbox(db, dana, EVERYTHING);
  await countInbox(db, dana, { ...EVERYTHING, search: ['contracts'] });
  await readFacets(db, SYSTEM.projectId);
}
