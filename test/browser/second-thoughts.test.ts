import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Page } from 'playwright-core';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Run } from '../../src/client/index.js';
import { until } from '../support/until.js';
import { clientOf, violations } from './browser.js';
import { useWindows } from './windows.js';
import { INVOICE, openReview } from './workflows.js';

const { on, openUnwatched } = useWindows();

async function statusOf(reviewId: string): Promise<string> {
  return (await clientOf('admin').reviews.get(reviewId)).status;
}

const alertIn = (page: Page): ReturnType<Page['locator']> =>
  page.getByRole('dialog').locator('.notice');

describe('an approval of one’s own', () => {
  test('is taken back with a reason, and can be given again', async () => {
    const { review } = await openReview(clientOf('admin'), 'invoice-approval', INVOICE);
    await clientOf('dana').reviews.approve(review.id, review.newest_version_id);
    const { page } = await on(`/reviews/${review.id}`, 'dana');
    await page.getByText('You approved version 1.').waitFor();
    await page.keyboard.press('b');
    const dialog = page.getByRole('dialog', { name: 'Take my approval back' });
    await dialog.getByRole('button', { name: 'Take it back' }).press('Enter');
    await dialog.getByText('Say why, in a few words').waitFor();
    expect((await clientOf('dana').reviews.votes(review.id).page()).data).toHaveLength(1);
    await dialog.getByLabel('Reason').fill('the wrong vendor');
    expect(await violations(page)).toEqual([]);
    await dialog.getByRole('button', { name: 'Take it back' }).press('Enter');
    await page.getByRole('region', { name: 'Approvals' }).getByText('0 of 2').waitFor();
    expect((await clientOf('dana').reviews.votes(review.id).page()).data).toMatchObject([
      { kind: 'vote' },
      { kind: 'withdrawn', actor: { id: 'dana' }, reason: 'the wrong vendor' },
    ]);
    expect(await page.getByRole('button', { name: 'Take my approval back' }).count()).toBe(0);
    await page.getByRole('button', { name: 'Approve version 1' }).press('Enter');
    await page.getByText('You approved version 1.').waitFor();
    expect(await statusOf(review.id)).toBe('PENDING');
  });

  test('that has been released meanwhile stays, and the page says why', async () => {
    const { review } = await openReview(clientOf('admin'), 'invoice-approval', INVOICE);
    await clientOf('dana').reviews.approve(review.id, review.newest_version_id);
    const here = await openUnwatched('dana');
    try {
      // A page that hears of nothing, and asks for nothing either.
      await here.page.clock.install();
      await here.page.route('**/v1/events', (route) => route.abort());
      await here.go(`/reviews/${review.id}`);
      await here.page.keyboard.press('b');
      await clientOf('lee').reviews.approve(review.id, review.newest_version_id);
      const dialog = here.page.getByRole('dialog', { name: 'Take my approval back' });
      await dialog.getByLabel('Reason').fill('too late');
      await dialog.getByRole('button', { name: 'Take it back' }).press('Enter');
      await alertIn(here.page)
        .getByText(/^Not recorded: Review '\w+' has been released \(\w+\)/)
        .waitFor();
      expect(await statusOf(review.id)).toBe('EXECUTED');
    } finally {
      await here.close();
    }
  });
});

describe('an entry', () => {
  test('is given by an admin to a person that there is, who then fills it', async () => {
    const { review } = await openReview(clientOf('admin'), 'invoice-approval', INVOICE);
    const { page } = await on(`/reviews/${review.id}`, 'admin');
    await page.getByRole('button', { name: 'Reassign' }).press('Enter');
    const dialog = page.getByRole('dialog', { name: 'Reassign an approval' });
    await dialog.getByLabel('Approval').selectOption('group:legal#1');
    await dialog.getByLabel('Reason').fill('legal is away');
    await dialog.getByLabel('Id of the person').fill('nobody');
    await dialog.getByRole('button', { name: 'Reassign' }).press('Enter');
    await alertIn(page)
      .getByText(
        "Not recorded: There is no person 'nobody': store them with PUT /v1/users/{id}, or name somebody else.",
      )
      .waitFor();
    await dialog.getByLabel('Id of the person').fill('kim');
    expect(await violations(page)).toEqual([]);
    await dialog.getByRole('button', { name: 'Reassign' }).press('Enter');
    await dialog.waitFor({ state: 'detached' });
    await page.getByRole('region', { name: 'Approvals' }).getByText('Kim Novak').first().waitFor();
    expect((await clientOf('admin').reviews.explain(review.id)).missing).toMatchObject([
      { key: 'group:finance#1' },
      { key: 'group:legal#1', subject: 'kim', could_fill: [{ id: 'kim' }] },
    ]);
    for (const who of ['dana', 'kim'] as const) {
      await clientOf(who).reviews.approve(review.id, review.newest_version_id);
    }
    await page.getByText('Kim Novak approved version 1.').waitFor();
  });

  test('is given away by admins alone', async () => {
    const { review } = await openReview(clientOf('admin'), 'invoice-approval', INVOICE);
    const { page } = await on(`/reviews/${review.id}`, 'dana');
    await page.getByRole('button', { name: 'Approve version 1' }).waitFor();
    expect(await page.getByRole('button', { name: 'Reassign' }).count()).toBe(0);
  });
});

/** A service that fails as it is told, or answers. */
type Service = { readonly url: string; mood: 'breaks off' | 'refuses' | 'answers'; calls: number };

async function startService(mood: Service['mood']): Promise<Service> {
  const server = createServer((request, response) => {
    service.calls += 1;
    request.resume().on('end', () => {
      switch (service.mood) {
        case 'breaks off':
          request.socket.destroy();
          break;
        case 'refuses':
          response.writeHead(422).end('{"error":"no such account"}');
          break;
        case 'answers':
          response
            .writeHead(200, { 'content-type': 'application/json' })
            .end('{"output":{"paid":true}}');
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const service: Service = { url: `http://127.0.0.1:${port}/pay`, mood, calls: 0 };
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return service;
}

/** A run of dana's that has failed at its first block, which calls the service and must not run twice. */
async function failedRun(service: Service): Promise<Run> {
  const admin = clientOf('admin');
  await admin.workflows.put('payment', {
    name: 'Payment',
    blocks: [
      {
        id: 'pay',
        type: 'extract',
        label: 'Pay it',
        executor: { kind: 'http', url: service.url },
        execution: { repeatable: false, attempts: 1, timeout: '30s' },
      },
      { id: 'book', type: 'task', executor: { kind: 'pass' } },
    ],
  });
  const { id } = await admin.runs.start({
    workflow_id: 'payment',
    owner: 'dana',
    json_inputs: { pay: { amount: 7 } },
  });
  const run = await admin.runs.waitFor(id, { signal: AbortSignal.timeout(60_000) });
  expect(run.lifecycle.status).toBe('error');
  return run;
}

const endOf = (runId: string): Promise<Run> =>
  until('the run to complete', async () => {
    const run = await clientOf('admin').runs.get(runId);
    return run.lifecycle.status === 'completed' ? run : null;
  });

describe('a run in error', () => {
  test('is retried by its owner, and goes on to its end while they look', async () => {
    const service = await startService('refuses');
    const { id } = await failedRun(service);
    const { page, go } = await on(`/runs/${id}`, 'alex');
    await page.getByText('Failed at one of its blocks').waitFor();
    expect(await page.getByRole('main').getByRole('button').count()).toBe(0);

    const owner = await on(`/runs/${id}`, 'dana');
    service.mood = 'answers';
    await owner.page.getByRole('button', { name: 'Retry the failed steps' }).press('Enter');
    await endOf(id);
    await owner.page.locator('.page-head').getByText('completed').waitFor();
    expect(service.calls).toBe(2);
    await go(`/runs/${id}`);
    await page.locator('.page-head').getByText('completed').waitFor();
  });

  test('whose outcome is unknown is settled first, with an output that the block could give', async () => {
    const service = await startService('breaks off');
    const { id } = await failedRun(service);
    const { page, complaints, go, close } = await openUnwatched('dana');
    onTestFinished(close);
    await go(`/runs/${id}`);
    await page.getByText('Somebody has to find out and say so before').waitFor();
    const retry = page.getByRole('button', { name: 'Retry the failed steps' });
    expect(await retry.count()).toBe(0);

    await page.getByRole('button', { name: 'Say what became of Pay it' }).press('Enter');
    const dialog = page.getByRole('dialog', { name: 'What became of Pay it?' });
    const settle = dialog.getByRole('button', { name: 'Settle it' });
    await settle.press('Enter');
    await alertIn(page).getByText('Choose one of the two.').waitFor();
    await dialog.getByLabel('did its work, and gave an output').check();
    const output = dialog.getByLabel('Its output, as JSON');
    await output.fill('{"paid":');
    await settle.press('Enter');
    await alertIn(page).getByText('Write what it gave, as JSON.').waitFor();
    await output.fill('{"amount": 1152921504606846976}');
    await settle.press('Enter');
    await alertIn(page)
      .getByText(/body\.output\.amount: .*where integers lose digits; send it as a string\./)
      .waitFor();
    await output.fill('{"paid": true}');
    expect(await violations(page)).toEqual([]);
    await settle.press('Enter');
    await dialog.waitFor({ state: 'detached' });
    await retry.press('Enter');
    await endOf(id);
    await page.locator('.page-head').getByText('completed').waitFor();
    // What a person says happened is not done again.
    expect(service.calls).toBe(1);
    const { data } = await clientOf('admin').steps.list({ run_id: id }).page();
    expect(data.find(({ block_id: blockId }) => blockId === 'book')).toMatchObject({
      handle_outputs: { 'output-json-0': { data: { paid: true } } },
    });
    // Chromium reports the refusal, too, which the page has shown.
    expect(complaints.filter((text) => !text.includes('status of 422'))).toEqual([]);
  });
});
