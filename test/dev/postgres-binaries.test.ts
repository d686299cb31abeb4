import { chmod, cp, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  findBinaries,
  MACHINE,
  type BinarySources,
  type Installation,
} from '../../src/dev/postgres/binaries.js';
import { serverUser } from '../../src/dev/postgres/server-user.js';
import { startPostgres } from '../../src/dev/postgres.js';
import { SetupError } from '../../src/dev/setup-error.js';
import { testHome, type TestHome } from '../support/test-home.js';

const isRoot = process.getuid?.() === 0;
const installations = await MACHINE.installations();
const embedded = installations.find(({ movable }) => movable);
const system = installations.find(({ movable }) => !movable);

let folder: TestHome;
let said: string[];
beforeEach(async () => {
  folder = await testHome('binaries');
  said = [];
});
afterEach(async () => {
  await folder.remove();
});

const find = async (sources: Partial<BinarySources>, neededMajor: number | null = null) =>
  findBinaries(await serverUser('/nowhere'), neededMajor, (line) => said.push(line), {
    installations: () => Promise.resolve([]),
    copies: () => join(folder.path, 'copies'),
    ...sources,
  });

describe.runIf(embedded !== undefined)('the npm package', () => {
  test('is preferred to a system server', async () => {
    const found = await find(MACHINE);
    expect(found).toMatchObject({ bin: embedded?.bin, major: 18 });
    expect(said).toEqual([]);
  });

  test('works when its install script was not run', async () => {
    const copy = await packageCopy();
    const libraries = await readdir(join(copy.root, 'lib'), { withFileTypes: true });
    const links = libraries.filter((entry) => entry.isSymbolicLink()).map(({ name }) => name);
    expect(links.length).toBeGreaterThan(0);
    await Promise.all(links.map((name) => rm(join(copy.root, 'lib', name))));
    expect(await find({ installations: () => Promise.resolve([copy]) })).toMatchObject({
      bin: copy.bin,
    });
    expect(said).toEqual([]);
  });

  test.runIf(isRoot)('is copied, and that is said, when the server cannot read it', async () => {
    const copy = await packageCopy();
    await chmod(join(copy.root, '..'), 0o700);
    const sources = { installations: () => Promise.resolve([copy]) };
    const found = await find(sources);
    expect(found.bin.startsWith(join(folder.path, 'copies'))).toBe(true);
    expect(said).toEqual([
      `PostgreSQL's files cannot be used where they are, so they were copied to ${found.root}`,
    ]);
    const copied = await stat(found.bin);
    expect(await find(sources)).toMatchObject({ bin: found.bin });
    expect((await stat(found.bin)).ctimeMs).toBe(copied.ctimeMs);
    expect(await readdir(join(folder.path, 'copies', 'postgres'))).toHaveLength(1);
  });
});

describe('a system server', () => {
  test.runIf(system !== undefined)('serves where there is no npm package', async () => {
    const sources = {
      installations: () => Promise.resolve(installations.filter(({ movable }) => !movable)),
      copies: MACHINE.copies,
    };
    const postgres = await startPostgres({ home: folder.path, durability: 'fast', sources });
    await postgres.stop();
    expect(await postgres.exited).toMatchObject({ code: 0 });
  });

  test.runIf(embedded !== undefined && system !== undefined)(
    'is taken first when the database is of its version',
    async () => {
      const major = Number(/postgresql\/(\d+)/.exec(system?.root ?? '')?.[1]);
      expect(await find(MACHINE, major)).toMatchObject({ bin: system?.bin, major });
    },
  );
});

describe('nothing usable', () => {
  test('is one sentence that names the platform and the ways out', async () => {
    const finding = find({});
    await expect(finding).rejects.toBeInstanceOf(SetupError);
    await expect(finding).rejects.toThrow(
      `There is no PostgreSQL for ${process.platform}-${process.arch} here: run "npm ci" without --omit=optional, or set DATABASE_URL to a PostgreSQL server.`,
    );
  });

  test('is told apart from binaries for another C library', async () => {
    const root = join(folder.path, 'musl');
    await mkdir(join(root, 'bin'), { recursive: true });
    // As on Alpine: the file is there, and the loader that it names is not.
    await writeFile(join(root, 'bin', 'postgres'), '#!/lib64/no-such-loader\n', { mode: 0o755 });
    const finding = find({
      installations: () => Promise.resolve([{ root, bin: join(root, 'bin'), movable: true }]),
    });
    await expect(finding).rejects.toThrow(
      /needs glibc 2\.27 or newer, so not Alpine.*DATABASE_URL/,
    );
  });
});

/** The npm package's files under a folder of their own. */
async function packageCopy(): Promise<Installation> {
  const root = join(folder.path, 'package', 'native');
  await cp(embedded?.root ?? '', root, { recursive: true, verbatimSymlinks: true });
  await chmod(join(folder.path, 'package'), 0o755);
  return { root, bin: join(root, 'bin'), movable: true };
}
