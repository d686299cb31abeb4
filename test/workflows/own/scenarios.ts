import { cancelRun } from '../../../src/store/cancel-run.js';
import { type Installation, reviewer } from '../../support/installation.js';
import type { Operator } from '../../support/operator.js';
import { until } from '../../support/until.js';
import type { Author, Own } from './author.js';

const u1 = reviewer('u1', 'finance');
const u2 = reviewer('u2', 'finance');
const TWO = { groups: [{ group: 'finance', required: 2 }] };
const REFUND = { order: 'o-1', amount: 12.5 };

/** What a scenario is played on. */
export type Stage = { readonly on: Installation; readonly op: Operator; readonly author: Author };

/** One way the review of an author's own workflow can go; see `Scenario`. */
export type OwnScenario = {
  readonly name: string;
  readonly isOpen: boolean;
  readonly play: (stage: Stage) => Promise<Own>;
};

/** Every path that `review()` and its gate can take, each recorded once and replayed for ever. */
export const OWN_SCENARIOS: readonly OwnScenario[] = [
  {
    name: 'own-waiting',
    isOpen: true,
    play: async ({ op, author }) => {
      const workflow = await author.start('ask', author.options(REFUND));
      await op.idle((await author.reviewOf(workflow)).holder);
      return workflow;
    },
  },
  {
    name: 'own-waiting-after-first-vote',
    isOpen: true,
    play: async ({ on, op, author }) => {
      const workflow = await author.start('ask', author.options(REFUND, { policy: TWO }));
      const { review, holder } = await author.reviewOf(workflow);
      await on.vote(review, u1);
      await op.idle(holder);
      return workflow;
    },
  },
  {
    name: 'own-approved',
    isOpen: false,
    play: async ({ on, author }) => {
      const workflow = await author.start('insist', author.options(REFUND, { policy: TWO }));
      const { review } = await author.reviewOf(workflow);
      await on.vote(review, u1);
      await on.vote(review, u2);
      await workflow.result();
      return workflow;
    },
  },
  {
    name: 'own-approved-after-a-time',
    isOpen: false,
    play: async ({ on, author }) => {
      const policy = { release: { after: '300ms' } };
      const workflow = await author.start('ask', author.options(REFUND, { policy }));
      await on.vote((await author.reviewOf(workflow)).review, u1);
      await workflow.result();
      return workflow;
    },
  },
  {
    name: 'own-rejected',
    isOpen: false,
    play: async ({ on, author }) => {
      const workflow = await author.start('ask', author.options(REFUND));
      const { review } = await author.reviewOf(workflow);
      await on.vote(review, u1, { verdict: 'rejected', reason: 'no' });
      await workflow.result();
      return workflow;
    },
  },
  {
    name: 'own-predicate-does-not-fire',
    isOpen: false,
    play: async ({ author }) => {
      const policy = { when: 'output.amount > 100.0' };
      const workflow = await author.start('ask', author.options(REFUND, { policy }));
      await workflow.result();
      return workflow;
    },
  },
  {
    name: 'own-refused',
    isOpen: false,
    play: async ({ author }) => {
      const workflow = await author.start('ask', author.options(REFUND, { owner: 'u_nobody' }));
      await workflow.result().catch(() => {});
      return workflow;
    },
  },
  {
    name: 'own-workflow-cancelled',
    isOpen: false,
    play: async ({ on, op, author }) => {
      const workflow = await author.start('ask', author.options(REFUND));
      const { run } = await author.reviewOf(workflow);
      await op.cancel(workflow.workflowId);
      await on.ended(run);
      return workflow;
    },
  },
  {
    name: 'own-run-cancelled',
    isOpen: false,
    play: async ({ on, author }) => {
      const workflow = await author.start('ask', author.options(REFUND));
      const { run } = await author.reviewOf(workflow);
      await cancelRun(on.database.db, u1, run.id, { reason: 'no', dialect: 'native' }, 0);
      await workflow.result();
      return workflow;
    },
  },
  {
    name: 'own-continued-as-new',
    isOpen: false,
    play: async ({ on, op, author }) => {
      const workflow = await author.start('askAcross', author.options(REFUND));
      const { review, holder } = await author.reviewOf(workflow);
      await workflow.signal('goOn');
      await until('the gate before to end', async () => (await op.status(holder)) !== 'RUNNING');
      await on.vote(review, u1);
      const latest = op.client.workflow.getHandle(workflow.workflowId);
      await latest.result();
      return latest;
    },
  },
  {
    name: 'own-asked-twice',
    isOpen: false,
    play: async ({ on, author }) => {
      const options = author.options(REFUND);
      const workflow = await author.start('askInTurn', options, options);
      await on.vote((await author.reviewOf(workflow)).review, u1);
      await workflow.result();
      return workflow;
    },
  },
];
