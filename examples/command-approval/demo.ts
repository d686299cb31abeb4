// `npm run demo -- command-approval`: a statement that two groups approve, one of them after a correction.
import type { RunningStack } from '../running-stack.js';
import { asPerson, newestVersion, outputOf, say, waitingReview } from '../stages.js';
import { accountIds, openShop, shopUrl } from './shop.js';
import workflow from './workflow.js';

const PROPOSED = "delete from accounts where last_login < '2025-01-01' returning id, email";
const CORRECTED =
  "delete from accounts where last_login < '2025-01-01' and not paying returning id, email";

export default async function demo(stack: RunningStack): Promise<void> {
  const { client, databaseUrl } = stack;
  const shop = shopUrl({ ...process.env, DATABASE_URL: databaseUrl });
  await openShop(shop);
  const showAccounts = async (): Promise<void> =>
    say('accounts', (await accountIds(shop)).join(', '));
  const dana = await asPerson(stack, 'dana', { name: 'Dana', groups: ['dba'] });
  const omar = await asPerson(stack, 'omar', { name: 'Omar', groups: ['owners'] });

  const { id, name, blocks } = workflow;
  await client.workflows.put(id, { name, blocks });
  const run = await client.runs.start({
    workflow_id: id,
    json_inputs: { run_sql: { statement: PROPOSED, why: 'accounts that nobody uses' } },
  });
  say('asked', PROPOSED);
  const review = await waitingReview(client, { run_id: run.id, block_id: 'run_sql' });
  const showWaiting = async (): Promise<void> =>
    say('waits', (await client.reviews.explain(review.id)).waiting_for);
  await showWaiting();

  // #region correct
  const seed = await newestVersion(dana, review);
  const corrected = await dana.reviews.versions.create({
    review_id: review.id,
    parent_id: seed.id,
    snapshot: { ...seed.snapshot, statement: CORRECTED },
    note: 'customers who pay stay',
  });
  await dana.reviews.approve(review.id, corrected.id);
  // #endregion correct
  say('corrected', CORRECTED);
  say('approved', 'by Dana of dba');
  await showWaiting();

  const decided = await omar.reviews.approve(review.id, corrected.id);
  say('approved', `by Omar of owners: ${decided.submission_status}`);
  await showAccounts();

  await client.reviews.release(review.id);
  say('released', 'by its owner');
  const ended = await client.runs.waitFor(run.id);
  say('ended', `the run is ${ended.lifecycle.status}`);
  say('gave', JSON.stringify(await outputOf(client, run.id, 'run_sql')));
  say('reported', JSON.stringify(await outputOf(client, run.id, 'report')));
  await showAccounts();
}
