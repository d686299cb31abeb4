import { mkdir, readFile, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { homePath, lockHome, openHome } from '../../src/dev/home.js';
import { acquireLock } from '../../src/dev/lock-file.js';
import { SetupError } from '../../src/dev/setup-error.js';
import { testHome, type TestHome } from '../support/test-home.js';
import { isJson, startFixture } from './fixture.js';

let folder: TestHome;
beforeEach(async () => {
  folder = await testHome('home');
});
afterEach(async () => {
  await folder.remove();
});

describe('homePath', () => {
  test('is .countersign in the working directory unless COUNTERSIGN_HOME says otherwise', () => {
    expect(homePath({}, '/srv/app')).toBe('/srv/app/.countersign');
    expect(homePath({ COUNTERSIGN_HOME: '' }, '/srv/app')).toBe('/srv/app/.countersign');
    expect(homePath({ COUNTERSIGN_HOME: 'state' }, '/srv/app')).toBe('/srv/app/state');
    expect(homePath({ COUNTERSIGN_HOME: '/var/cs' }, '/srv/app')).toBe('/var/cs');
  });
});

describe('openHome', () => {
  test('makes the folder, closed to others as far as its servers allow', async () => {
    const home = await openHome(join(folder.path, 'a', 'b'));
    const { mode } = await stat(home.path);
    expect(mode & 0o066).toBe(0);
    expect(home.adminToken).toBe(join(home.path, 'admin-token'));
    expect((await stat(home.logs)).mode & 0o077).toBe(0);
  });

  test('remembers ports across openings, and forgets nonsense', async () => {
    const home = await openHome(folder.path);
    expect(await home.rememberedPort('x')).toBeNull();
    await home.rememberPort('x', 4711);
    expect(await (await openHome(folder.path)).rememberedPort('x')).toBe(4711);
    await writeFile(home.file('ports', 'x'), 'seven');
    expect(await home.rememberedPort('x')).toBeNull();
  });

  test('says what to do when the folder cannot be used', async () => {
    const file = join(folder.path, 'file');
    await writeFile(file, '');
    const opening = openHome(join(file, 'home'));
    await expect(opening).rejects.toBeInstanceOf(SetupError);
    await expect(opening).rejects.toThrow(/set COUNTERSIGN_HOME to a folder/);
  });

  test.runIf(process.platform === 'linux')('gives up where no folder can be made', async () => {
    for (const path of ['/proc/countersign', '/proc/countersign/home', '/proc/self/fd/x/y']) {
      await expect(openHome(path)).rejects.toThrow(/set COUNTERSIGN_HOME to a folder/);
    }
  });

  test('takes a folder behind a link as it is', async () => {
    await mkdir(join(folder.path, 'real'));
    await symlink('real', join(folder.path, 'link'));
    const home = await openHome(join(folder.path, 'link'));
    expect((await stat(join(folder.path, 'real', 'logs'))).isDirectory()).toBe(true);
    expect(home.path).toBe(join(folder.path, 'link'));
  });
});

describe('lockHome', () => {
  test('lets one process in and tells the second who is there', async () => {
    const home = await openHome(folder.path);
    const lock = await lockHome(home);
    const second = lockHome(home);
    await expect(second).rejects.toBeInstanceOf(SetupError);
    await expect(second).rejects.toThrow(
      `Countersign is already running on ${home.path} (process ${process.pid}): stop it first, or set COUNTERSIGN_HOME to another folder.`,
    );
    await lock.release();
    await (await lockHome(home)).release();
  });
});

describe('acquireLock', () => {
  test('respects another living process, and takes over when that was killed', async () => {
    const path = join(folder.path, 'lock');
    const holder = startFixture('hold-lock', [path]);
    expect(await holder.line(isJson)).toBe('{"held":true}');
    expect(await acquireLock(path)).toEqual({ held: false, holder: holder.child.pid });
    await holder.kill();
    const lock = await acquireLock(path);
    expect(lock.held).toBe(true);
  });

  test('takes over from a pid that belongs to another program by now, and from before a reboot', async () => {
    const path = join(folder.path, 'lock');
    const mine = await entryOf(path);
    for (const stale of [
      { ...mine, identity: '1' },
      { ...mine, boot: 'another' },
    ]) {
      await writeFile(path, JSON.stringify(stale));
      const lock = await acquireLock(path);
      expect(lock.held).toBe(true);
      expect(JSON.parse(await readFile(path, 'utf8'))).toEqual(mine);
    }
  });

  test('takes over a file that says nothing', async () => {
    const path = join(folder.path, 'lock');
    await writeFile(path, '');
    expect((await acquireLock(path)).held).toBe(true);
  });

  test('judges a holder in another container by its heartbeat', async () => {
    const path = join(folder.path, 'lock');
    await writeFile(path, JSON.stringify({ ...(await entryOf(path)), namespace: 'pid:[1]' }));
    const beat = setInterval(() => {
      void utimes(path, new Date(), new Date());
    }, 50);
    const while_beating = await acquireLock(path, { silenceMs: 2_000 });
    clearInterval(beat);
    expect(while_beating.held).toBe(false);
    expect((await acquireLock(path, { silenceMs: 200 })).held).toBe(true);
  });

  test('has one winner among many who ask at once, also over a stale file', async () => {
    const path = join(folder.path, 'lock');
    const stale = JSON.stringify({ ...(await entryOf(path)), boot: 'another' });
    for (let round = 0; round < 10; round += 1) {
      await writeFile(path, stale);
      const locks = await Promise.all(Array.from({ length: 10 }, () => acquireLock(path)));
      const winners = locks.filter((lock) => lock.held);
      expect(winners).toHaveLength(1);
      await Promise.all(winners.map((lock) => lock.release()));
    }
  });

  test('is not stopped by a takeover that died half way', async () => {
    const path = join(folder.path, 'lock');
    await writeFile(path, '');
    await mkdir(`${path}.takeover`);
    const past = new Date(Date.now() - 60_000);
    await utimes(`${path}.takeover`, past, past);
    expect((await acquireLock(path)).held).toBe(true);
  });
});

/** What this process writes into a lock file. */
async function entryOf(path: string): Promise<Record<string, unknown>> {
  const lock = await acquireLock(path);
  const entry: unknown = JSON.parse(await readFile(path, 'utf8'));
  if (lock.held) {
    await lock.release();
  }
  return Object.fromEntries(Object.entries(entry ?? {}));
}
