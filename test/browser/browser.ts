import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, BrowserContext, Page, Request } from 'playwright-core';
import { expect, inject } from 'vitest';
import { type Client, createClient } from '../../src/client/index.js';
import { codeFor, useCode } from '../support/chromium.js';
import { until } from '../support/until.js';
import type { PersonId } from './people.js';

/** An answer may lead to the next question a moment later. */
const CALM_LOOKS = 5;
/** For whatever a page is to show: a machine that is busy with other things takes its time. */
const PATIENCE_MS = 60_000;

/** Sizes at which pages are looked at. */
export const SIZES = {
  wide: { width: 1280, height: 800 },
  narrow: { width: 390, height: 844 },
} as const;

/** A server other than the one that all tests share, and the database that its sign-in links are made in. */
export type Site = { readonly url: string; readonly databaseUrl: string };

export type Looks = {
  readonly site?: Site;
  readonly size?: keyof typeof SIZES;
  readonly theme?: 'light' | 'dark';
};

/** A window on the site, with everything the browser complained about. */
export type Visit = {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors of the console, exceptions, and requests that failed on the server's side. */
  readonly complaints: readonly string[];
  /** Goes to a path, and waits until the page has its title and everything it asked for. */
  readonly go: (path: string) => Promise<void>;
  /** Waits until nothing is asked for any more. */
  readonly settled: () => Promise<void>;
  readonly close: () => Promise<void>;
};

/** Opens a window, signed in as somebody; null is a stranger. */
export async function visit(
  browser: Browser,
  person: PersonId | 'admin' | null,
  { size = 'wide', theme = 'light', site = sharedSite() }: Looks = {},
): Promise<Visit> {
  const baseURL = site.url;
  const context = await browser.newContext({
    baseURL,
    viewport: SIZES[size],
    colorScheme: theme,
    locale: 'en-GB',
    hasTouch: size === 'narrow',
    reducedMotion: 'reduce',
  });
  context.setDefaultTimeout(PATIENCE_MS);
  if (person !== null) {
    const reply = await useCode(context, baseURL, await linkFor(person, site));
    expect(reply.status()).toBe(204);
  }
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    const isError = message.type() === 'error' || message.type() === 'warning';
    // What is not there is answered with 404, which Chromium reports and a page may well show.
    if (isError && !message.text().includes('status of 404')) {
      complaints.push(message.text());
    }
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  const asked = new Set<Request>();
  page.on('request', (request) => {
    if (!request.url().endsWith('/v1/events')) {
      asked.add(request);
    }
  });
  page.on('requestfinished', (request) => asked.delete(request));
  page.on('requestfailed', (request) => asked.delete(request));
  const settled = async (): Promise<void> => {
    let calm = 0;
    await until('the answers to everything the page asked for', () => {
      calm = asked.size === 0 ? calm + 1 : 0;
      return calm > CALM_LOOKS;
    });
  };
  return {
    page,
    context,
    complaints,
    settled,
    go: async (path) => {
      await page.goto(path);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await settled();
    },
    close: () => context.close(),
  };
}

/** A client of the API on behalf of somebody. */
export function clientOf(person: PersonId | 'admin'): Client {
  return createClient({ url: inject('siteUrl'), token: tokenOf(person) });
}

/** Makes the code of a one-time link that signs somebody in. */
export async function linkFor(
  person: PersonId | 'admin',
  { databaseUrl }: Site = sharedSite(),
): Promise<string> {
  return await codeFor(databaseUrl, person);
}

function sharedSite(): Site {
  return { url: inject('siteUrl'), databaseUrl: inject('databaseUrl') };
}

function tokenOf(person: PersonId | 'admin'): string {
  return person === 'admin' ? inject('adminToken') : inject('personTokens')[person];
}

/** What axe finds wrong with a page, or with its contrasts alone: one line for each. */
export async function violations(
  page: Page,
  what: 'everything' | 'contrast' = 'everything',
): Promise<readonly string[]> {
  // What other mode there is opens a page for every look, to gather what it found in frames; ours have nothing of ours.
  const axe = new AxeBuilder({ page }).setLegacyMode();
  const { violations: found } = await (
    what === 'contrast' ? axe.withRules(['color-contrast']) : axe
  ).analyze();
  return found.flatMap(({ id, help, nodes }) =>
    nodes.map(
      ({ target, failureSummary }) =>
        `${id}: ${help} at ${target.join(' ')}: ${failureSummary ?? ''}`,
    ),
  );
}
