import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { startChromium } from '../support/chromium.js';
import { type OpenIdProvider, startOpenIdProvider } from '../support/openid-provider.js';
import { clientOf, visit, type Visit } from './browser.js';
import { type SecondApi, startSecondApi } from './second-api.js';
import { openReview } from './workflows.js';

const AWAY = 'The identity provider does not answer. Try again in a moment.';

describe('with an OpenID provider', () => {
  let provider: OpenIdProvider;
  let api: SecondApi;
  let browser: Browser;

  beforeAll(async () => {
    provider = await startOpenIdProvider();
    provider.accounts.set('ann', {
      name: 'Ann Lee',
      email: 'ann@example.com',
      groups: ['finance'],
    });
    provider.accounts.set('otto', {
      name: 'Otto Berg',
      email: 'otto@example.com',
      groups: ['gate-auditors'],
    });
    [api, browser] = await Promise.all([
      startSecondApi((url) => ({
        COUNTERSIGN_PUBLIC_URL: url,
        OIDC_ISSUER: provider.issuer,
        OIDC_CLIENT_ID: 'countersign',
        OIDC_CLIENT_SECRET: 'a secret of the client',
        OIDC_ROLE_MAP: JSON.stringify({ 'gate-auditors': 'auditor' }),
      })),
      startChromium(),
    ]);
  });
  afterAll(() => browser?.close());
  afterAll(() => api?.stop());
  afterAll(() => provider?.stop());

  test('that does not answer, the page says so, and lets people in once it does', async () => {
    const { page } = await stranger();
    await page.goto('/runs');
    await signInLink(page).click();
    await page.getByText(AWAY).waitFor();
    provider.register(`${api.url}/auth/callback`);
    await signInLink(page).click();
    await atProvider(page).waitFor();
  });

  test('a deep link survives signing in, and who signs in has the name and groups of the claims', async () => {
    const { review } = await openReview(clientOf('admin'), 'mail-triage', { category: 'other' });
    const { page, context, complaints, settled } = await stranger();
    const path = `/reviews/${review.id}?show=json`;
    await signInAs(page, 'ann', path);
    await page.getByRole('heading', { level: 1, name: 'Which kind of mail is it?' }).waitFor();
    expect(page.url()).toBe(`${api.url}${path}`);
    await page.getByText('Ann Lee').first().waitFor();
    await page.getByText('finance', { exact: true }).first().waitFor();
    await settled();

    const session = (await context.cookies(api.url)).find(({ name }) => /session/.test(name));
    expect(session).toMatchObject({ httpOnly: true, sameSite: 'Lax' });
    expect(await page.evaluate('document.cookie')).toBe('');

    await page.getByRole('button', { name: 'Approve version 1' }).click();
    await page.getByText('Ann Lee approved version 1.').waitFor();
    await page.getByRole('link', { name: 'Inbox' }).first().click();
    await page.getByRole('heading', { level: 1, name: 'Inbox' }).waitFor();
    expect(await page.getByRole('link', { name: 'Operations' }).count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  test('what waits for a group of the claims is in the queue; what waits for another is not', async () => {
    const admin = clientOf('admin');
    const mail = await openReview(admin, 'mail-triage', { category: 'other' });
    await admin.workflows.put('contract', {
      name: 'Contract',
      blocks: [
        {
          id: 'sign',
          type: 'task',
          executor: { kind: 'pass' },
          review: { placement: 'input', groups: ['legal'] },
        },
      ],
    });
    const contract = await admin.runs.start({
      workflow_id: 'contract',
      json_inputs: { sign: { pages: 3 } },
    });
    await admin.runs.waitFor(contract.id, {
      until: ({ lifecycle }) => lifecycle.status === 'awaiting_review',
      signal: AbortSignal.timeout(60_000),
    });
    const { page, go } = await stranger();
    await signInAs(page, 'ann', `/?run_id=${mail.run.id}`);
    await page.locator(`tr[data-id="${mail.review.id}"]`).waitFor();
    await go(`/?run_id=${contract.id}`);
    expect(await page.locator('tr[data-id]').count()).toBe(0);
  });

  test('a role comes from the role map', async () => {
    const { page } = await stranger();
    await signInAs(page, 'otto', '/operations');
    await page.getByRole('heading', { level: 2, name: 'What Temporal is owed' }).waitFor();
  });

  test('signing out ends the session, also for whoever kept its cookie', async () => {
    const { page, context, go } = await stranger();
    await signInAs(page, 'ann', '/runs');
    await page.getByRole('heading', { level: 1, name: 'Runs' }).waitFor();
    const kept = await context.cookies(api.url);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor();
    await context.addCookies(kept);
    await go('/runs');
    await page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor();
  });

  test('an answer of another sign-in lets nobody in, and the page says what to do', async () => {
    const { page, context } = await stranger();
    await page.goto('/runs');
    await signInLink(page).click();
    await atProvider(page).waitFor();
    await page.goto(`${api.url}/auth/callback?code=of-somebody-else&state=of-somebody-else`);
    await page
      .getByText('The sign-in was begun in another window. Try again in this one.')
      .waitFor();
    expect((await context.cookies(api.url)).map(({ name }) => name)).toEqual([]);
  });

  test('that has gone since, the page says so, and who is signed in goes on', async () => {
    const { page, go } = await stranger();
    await signInAs(page, 'ann', '/runs');
    await page.getByRole('heading', { level: 1, name: 'Runs' }).waitFor();
    await provider.stop();
    await go('/workflows');
    await page.getByRole('heading', { level: 1, name: 'Workflows' }).waitFor();
    const late = await stranger();
    await late.page.goto('/runs');
    await signInLink(late.page).click();
    await late.page.getByText(AWAY).waitFor();
  });

  /** Somebody whom the site does not know; their window is closed when the test ends. */
  async function stranger(): Promise<Visit> {
    const here = await visit(browser, null, { site: api });
    onTestFinished(() => here.close());
    // The provider's own pages ask for a font from elsewhere.
    await here.context.route(
      ({ hostname }) => hostname !== '127.0.0.1',
      (route) => route.fulfill({ status: 200, body: '' }),
    );
    return here;
  }

  function signInLink(page: Page): ReturnType<Page['getByRole']> {
    return page.getByRole('link', { name: `Sign in with ${new URL(provider.issuer).host}` });
  }
});

/** Opens a path as a stranger, and fills in the provider's own forms. */
async function signInAs(page: Page, login: string, path: string): Promise<void> {
  await page.goto(path);
  await page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor();
  await page.getByRole('link', { name: /^Sign in with / }).click();
  await atProvider(page).fill(login);
  await page.getByPlaceholder('and password').fill('any');
  await page.getByRole('button', { name: 'Sign-in' }).click();
  await page.getByRole('button', { name: 'Continue' }).click();
}

function atProvider(page: Page): ReturnType<Page['getByPlaceholder']> {
  return page.getByPlaceholder('Enter any login');
}
