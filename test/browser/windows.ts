import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { startChromium } from '../support/chromium.js';
import { type Looks, visit, type Visit } from './browser.js';
import type { PersonId } from './people.js';

type Who = PersonId | 'admin' | null;

/** Windows for the tests of a file, in a browser of its own. */
export type Windows = {
  /** Opens a window that is closed after the test, and must not have complained of anything. */
  readonly open: (person: Who, looks?: Looks) => Promise<Visit>;
  /** The same, at a path. */
  readonly on: (path: string, person: Who) => Promise<Visit>;
  /** Opens a window that the test closes itself, whatever it complained of. */
  readonly openUnwatched: (person: Who) => Promise<Visit>;
};

/** Gives the tests of a file a browser, from their beginning to their end. */
export function useWindows(): Windows {
  let browser: Browser;
  const visits: Visit[] = [];
  beforeAll(async () => {
    browser = await startChromium();
  });
  afterEach(async () => {
    for (const { complaints, close } of visits.splice(0)) {
      await close();
      expect(complaints).toEqual([]);
    }
  });
  afterAll(async () => {
    await browser?.close();
  });
  const open: Windows['open'] = async (person, looks) => {
    const here = await visit(browser, person, looks);
    visits.push(here);
    return here;
  };
  return {
    open,
    on: async (path, person) => {
      const here = await open(person);
      await here.go(path);
      return here;
    },
    openUnwatched: (person) => visit(browser, person),
  };
}
