import type { Page } from 'playwright-core';
import type { Scene } from './scene.js';

/** One picture: a page as somebody sees it. */
export type Shot = {
  readonly name: string;
  /** What is to be seen, in a sentence that follows the name of the page. */
  readonly caption: string;
  /** The person's id; null is a stranger. */
  readonly as: string | null;
  /** Where it is; `{link}` stands for a fresh sign-in link's code. */
  readonly path: string;
  /** What is done on the page before the picture is taken. */
  readonly act?: (page: Page) => Promise<void>;
};

/** Every page of the inbox, in the order in which somebody would meet them. */
export function shotsOf({ invoice, corrected, command, pile, loopRun }: Scene): readonly Shot[] {
  return [
    {
      name: 'sign-in',
      caption: 'Signing in, where no OpenID provider is configured.',
      as: null,
      path: '/signin',
    },
    {
      name: 'sign-in-link',
      caption: 'A one-time link says whom it signs in, and waits to be asked.',
      as: null,
      path: '/signin/link/{link}',
    },
    {
      name: 'queue',
      caption: 'The queue: what waits for Dana Rivera, and why.',
      as: 'dana',
      path: '/',
    },
    {
      name: 'queue-all',
      caption: 'Everything of the project, what is decided included.',
      as: 'admin',
      path: '/?view=all',
    },
    {
      name: 'queue-bulk',
      caption: 'Several at once are confirmed first.',
      as: 'dana',
      path: '/',
      act: selectAndApprove,
    },
    {
      name: 'queue-empty',
      caption: 'A queue without reviews says what would be there.',
      as: 'alex',
      path: '/',
    },
    {
      name: 'review',
      caption:
        'A review: what is asked, why the run stopped, what was extracted, and the document.',
      as: 'dana',
      path: `/reviews/${invoice.id}`,
    },
    {
      name: 'review-correct',
      caption: 'Correcting, in a form made from the schema of the block.',
      as: 'dana',
      path: `/reviews/${invoice.id}`,
      act: keys('e'),
    },
    {
      name: 'review-json',
      caption: 'The same snapshot as JSON.',
      as: 'dana',
      path: `/reviews/${invoice.id}?show=json`,
    },
    {
      name: 'review-changes',
      caption: 'What a correction changed.',
      as: 'lee',
      path: `/reviews/${corrected.id}?show=changes`,
    },
    {
      name: 'review-reject',
      caption: 'A rejection needs a reason.',
      as: 'lee',
      path: `/reviews/${corrected.id}`,
      act: keys('r'),
    },
    {
      name: 'review-command',
      caption: 'A statement that two groups approve before it runs: one has, the other is missing.',
      as: 'lee',
      path: `/reviews/${command.id}`,
    },
    {
      name: 'review-pages',
      caption: 'The pages of a split, document by document.',
      as: 'dana',
      path: `/reviews/${pile.id}`,
    },
    { name: 'runs', caption: 'Runs, and where they wait.', as: 'dana', path: '/runs' },
    {
      name: 'run',
      caption: 'A run with a loop: its blocks, the items of the loop, and for whom it waits.',
      as: 'admin',
      path: `/runs/${loopRun.id}`,
    },
    { name: 'workflows', caption: 'The workflows.', as: 'dana', path: '/workflows' },
    {
      name: 'workflow',
      caption: 'A definition, its gate in words.',
      as: 'dana',
      path: '/workflows/command-approval',
    },
    {
      name: 'operations',
      caption: 'For operators: what Temporal is owed, and what doctor finds.',
      as: 'admin',
      path: '/operations',
    },
    { name: 'keys', caption: 'The keys of a page.', as: 'dana', path: '/', act: keys('?') },
    { name: 'not-found', caption: 'An address that leads nowhere.', as: 'dana', path: '/nowhere' },
  ];
}

function keys(...names: readonly string[]): (page: Page) => Promise<void> {
  return async (page) => {
    for (const name of names) {
      await page.keyboard.press(name);
    }
    await page.getByText(/^Loading/).waitFor({ state: 'detached' });
  };
}

async function selectAndApprove(page: Page): Promise<void> {
  for (const box of (await page.locator('tbody').getByRole('checkbox').all()).slice(0, 2)) {
    await box.check();
  }
  await page.keyboard.press('a');
  await page.getByRole('dialog').waitFor();
}
