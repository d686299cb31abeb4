import { type APIResponse, type Browser, type BrowserContext, chromium } from 'playwright-core';
import { openDatabase } from '../../src/store/database.js';
import { linkFor } from './browser-session.js';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Starts the Chromium of this machine; the caller closes it. */
export async function startChromium(): Promise<Browser> {
  const executablePath = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
  return await chromium.launch({ executablePath, args: FLAGS });
}

/** Makes the code of a one-time link in a database that is opened for it. */
export async function codeFor(databaseUrl: string, personId: string): Promise<string> {
  const database = openDatabase(databaseUrl, { maxConnections: 1 });
  try {
    return await linkFor(database, personId);
  } finally {
    await database.close();
  }
}

/** Signs the windows of a context in by the code of a one-time link, as the link's page does. */
export async function useCode(
  context: BrowserContext,
  url: string,
  code: string,
): Promise<APIResponse> {
  return await context.request.post(`/v1/session/links/${code}`, {
    headers: { 'x-countersign-csrf': '1', origin: url },
    failOnStatusCode: true,
  });
}
