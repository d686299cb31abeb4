import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { WEB_FOLDER } from '../api/web-app.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const VITE = join(ROOT, 'node_modules/vite/bin/vite.js');
/** What the pages are built from. */
const SOURCES = ['web', 'src/client', 'src/domain', 'package-lock.json'];

/**
 * Builds the inbox in a checkout where it is missing or older than its sources; about a second.
 *
 * Without it everything else works, so a build that fails is only said.
 */
export async function buildInbox(): Promise<void> {
  if (!existsSync(VITE) || !existsSync(join(ROOT, 'web/vite.config.ts')) || (await isFresh())) {
    return;
  }
  console.log('building the inbox');
  // Beside its place, and then there at once: another start may build, and a server read, meanwhile.
  const built = `${WEB_FOLDER}.${process.pid}`;
  const old = `${built}.old`;
  try {
    await promisify(execFile)(
      process.execPath,
      [VITE, 'build', 'web', '--outDir', built, '--emptyOutDir', '--logLevel', 'error'],
      { cwd: ROOT, env: { ...process.env, NODE_ENV: 'production' } },
    );
    await rename(WEB_FOLDER, old).catch(() => undefined);
    await rename(built, WEB_FOLDER);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    console.log(`The inbox could not be built (${reason}): run \`npm run web:build\` to see why.`);
  } finally {
    await rm(built, { recursive: true, force: true });
    await rm(old, { recursive: true, force: true });
  }
}

async function isFresh(): Promise<boolean> {
  const page = await stat(join(WEB_FOLDER, 'index.html')).catch(() => null);
  if (page === null) {
    return false;
  }
  const changed = await Promise.all(SOURCES.map((source) => newestChange(join(ROOT, source))));
  return Math.max(...changed) < page.mtimeMs;
}

/** When a file, or whatever is newest in a folder, was changed last. */
async function newestChange(path: string): Promise<number> {
  const { mtimeMs } = await stat(path);
  const inside = await readdir(path, { recursive: true }).catch(() => []);
  const times = await Promise.all(
    inside.map(async (name) => (await stat(join(path, name))).mtimeMs),
  );
  return Math.max(mtimeMs, ...times);
}
