// `npm run screenshots`: draws every page of the inbox from the examples' data into docs/screenshots.
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { type RunningStack, withRunningStack } from '../../examples/running-stack.js';
import { freePort } from '../../src/dev/ports.js';
import { codeFor, startChromium, useCode } from '../../test/support/chromium.js';
import { testHome } from '../../test/support/test-home.js';
import { setScene } from './scene.js';
import { type Shot, shotsOf } from './shots.js';

const FOLDER = fileURLToPath(new URL('../../docs/screenshots/', import.meta.url));
const PAGE = fileURLToPath(new URL('../../docs/screenshots.md', import.meta.url));
const SIZES = { wide: { width: 1280, height: 800 }, narrow: { width: 390, height: 844 } };
const THEMES = ['light', 'dark'] as const;

/** What a page is given to draw itself; Chromium's viewer of PDF says to nobody when it is done. */
const DRAWING_MS = 2_500;

async function main(): Promise<void> {
  const home = await testHome('screenshots');
  process.env['COUNTERSIGN_HOME'] = home.path;
  process.env['PORT'] = `${await freePort()}`;
  try {
    await withRunningStack(draw);
  } finally {
    await home.remove();
  }
}

async function draw(stack: RunningStack): Promise<void> {
  const shots = shotsOf(await setScene(stack));
  await rm(FOLDER, { recursive: true, force: true });
  await mkdir(FOLDER, { recursive: true });
  const browser = await startChromium();
  try {
    for (const shot of shots) {
      console.log(shot.name);
      for (const size of ['wide', 'narrow'] as const) {
        await drawOne(browser, stack, shot, size);
      }
    }
  } finally {
    await browser.close();
  }
  await writeFile(PAGE, pageOf(shots));
}

/** The page of the documentation that shows all pictures. */
function pageOf(shots: readonly Shot[]): string {
  const sections = shots.map(
    ({ name, caption }) => `## ${name}

${caption}

${pictureOf(name, 'wide', caption)}
${pictureOf(name, 'narrow', `${caption} On a phone.`, ' width="240"')}
`,
  );
  return `# Pictures of the inbox

Every page of [the inbox](inbox.md), wide and on a phone, in light or dark as you prefer. \`npm run screenshots\` draws them anew,
from runs of the examples, and writes this page.

${sections.join('\n')}`;
}

function pictureOf(name: string, size: keyof typeof SIZES, alt: string, attributes = ''): string {
  return `<picture>
  <source media="(prefers-color-scheme: dark)" srcset="screenshots/${name}-${size}-dark.png">
  <img alt="${alt}" src="screenshots/${name}-${size}-light.png"${attributes}>
</picture>`;
}

/** Draws one page in one size, in light and in dark. */
async function drawOne(
  browser: Browser,
  stack: RunningStack,
  { name, as, path, act }: Shot,
  size: keyof typeof SIZES,
): Promise<void> {
  const context = await browser.newContext({
    baseURL: stack.url,
    viewport: SIZES[size],
    locale: 'en-GB',
    hasTouch: size === 'narrow',
    reducedMotion: 'reduce',
  });
  try {
    if (as !== null) {
      await useCode(context, stack.url, await codeFor(stack.databaseUrl, as));
    }
    const page = await context.newPage();
    await page.goto(path.replace('{link}', await codeFor(stack.databaseUrl, 'dana')));
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.waitForTimeout(DRAWING_MS);
    await act?.(page);
    for (const colorScheme of THEMES) {
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: `${FOLDER}${name}-${size}-${colorScheme}.png` });
    }
  } finally {
    await context.close();
  }
}

await main();
