import { chmod, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SetupError } from '../../src/dev/setup-error.js';
import { cachedCliPath, findTemporalCli, type Ways } from '../../src/dev/temporal-cli.js';
import { buildCli } from '../../src/dev/temporal/build.js';
import { TEMPORAL_CLI_VERSION } from '../../src/dev/temporal/cli-version.js';
import { downloadCli } from '../../src/dev/temporal/download.js';
import { testHome, type TestHome } from '../support/test-home.js';

let folder: TestHome;
let env: NodeJS.ProcessEnv;
let said: string[];
beforeEach(async () => {
  folder = await testHome('cli');
  env = { PATH: join(folder.path, 'path'), XDG_CACHE_HOME: join(folder.path, 'cache') };
  said = [];
});
afterEach(async () => {
  await folder.remove();
});

const CLI = '#!/bin/sh\necho temporal version 1.5.1\n';
const say = (line: string): void => {
  said.push(line);
};
const find = (ways: Partial<Ways> = {}) =>
  findTemporalCli({
    env,
    onProgress: say,
    ways: {
      download: () => Promise.resolve('no network'),
      build: () => Promise.reject(new Error('no build in this test')),
      ...ways,
    },
  });

describe('findTemporalCli', () => {
  test('looks at TEMPORAL_CLI_PATH, the PATH and the cache, in this order', async () => {
    const configured = await program('here', CLI);
    const onPath = await program('path/temporal', CLI);
    const cached = await program(cachedName(), CLI);
    env['TEMPORAL_CLI_PATH'] = configured;
    expect(await find()).toEqual({ path: configured, source: 'TEMPORAL_CLI_PATH' });
    env['TEMPORAL_CLI_PATH'] = '';
    expect(await find()).toEqual({ path: onPath, source: 'PATH' });
    env['PATH'] = '';
    expect(await find()).toEqual({ path: cached, source: 'cache' });
    expect(said).toEqual([]);
  });

  test('does not take another program called temporal for it', async () => {
    await program('path/temporal', '#!/bin/sh\necho some other tool\n');
    const cached = await program(cachedName(), CLI);
    expect(await find()).toEqual({ path: cached, source: 'cache' });
    expect(said.join()).toContain('path/temporal is not a Temporal CLI that runs here');
  });

  test('says what is wrong with TEMPORAL_CLI_PATH instead of looking elsewhere', async () => {
    await program('path/temporal', CLI);
    env['TEMPORAL_CLI_PATH'] = join(folder.path, 'nowhere');
    await expect(find()).rejects.toThrow(
      /TEMPORAL_CLI_PATH is .*nowhere, where there is no file that can be run: set it/,
    );
    env['TEMPORAL_CLI_PATH'] = await program('other', '#!/bin/sh\necho other\n');
    const finding = find();
    await expect(finding).rejects.toBeInstanceOf(SetupError);
    await expect(finding).rejects.toThrow(/does not answer "--version" as the Temporal CLI does/);
  });

  test('downloads before it builds, and caches what it got', async () => {
    const download: Ways['download'] = async (path) => {
      await writeProgram(path, CLI);
      return null;
    };
    expect(await find({ download })).toEqual({ path: cachedCliPath(env), source: 'download' });
    expect(await find()).toEqual({ path: cachedCliPath(env), source: 'cache' });
  });

  test('builds once when two ask at the same time', async () => {
    let builds = 0;
    const build: Ways['build'] = async (path) => {
      builds += 1;
      await writeProgram(path, CLI);
    };
    const found = await Promise.all([find({ build }), find({ build }), find({ build })]);
    expect(builds).toBe(1);
    expect(found.map(({ path }) => path)).toEqual(Array(3).fill(cachedCliPath(env)));
    expect(said.join()).toContain(`process ${process.pid} is getting the Temporal CLI`);
  });

  test('can be asked again after a build that failed', async () => {
    await expect(find()).rejects.toThrow('no build in this test');
    const build: Ways['build'] = (path) => writeProgram(path, CLI);
    expect((await find({ build })).source).toBe('build');
  });
});

describe('downloadCli', () => {
  test('tells at once when downloads are blocked, and leaves nothing behind', async () => {
    const path = cachedCliPath(env);
    const blocked = { ...process.env, HTTPS_PROXY: 'http://127.0.0.1:1' };
    expect(await downloadCli(path, blocked)).toMatch(/failed to download|error sending request/);
    expect(await readdir(dirname(path))).toEqual([]);
  });
});

describe('buildCli', () => {
  const build = () => buildCli(cachedCliPath(env), env, say);

  test('needs Go, and says so', async () => {
    const building = build();
    await expect(building).rejects.toBeInstanceOf(SetupError);
    await expect(building).rejects.toThrow(
      /Go is not installed to build it: install Go 1\.25 or newer, install the Temporal CLI .* or set TEMPORAL_ADDRESS/,
    );
  });

  test.each(['go1.24.9', 'go1.9'])('needs Go 1.25, so not %s', async (version) => {
    await program('path/go', `#!/bin/sh\necho ${version}\n`);
    await expect(build()).rejects.toThrow(
      new RegExp(`needs Go 1\\.25 or newer, and .*/go is ${version}: update Go`),
    );
  });

  test('puts the program in place when it is whole', async () => {
    // A stand-in for Go, which is asked for its version and then to build into a file.
    await program(
      'path/go',
      `#!/bin/sh
if [ "$1" = env ]; then echo go1.26.8; exit; fi
while [ "$1" != -o ]; do shift; done
echo some/package >&2
printf '%s' "built in $PWD" > "$2"
`,
    );
    await build();
    expect(await readFile(cachedCliPath(env), 'utf8')).toMatch(/^built in .*tools\/temporal-cli$/);
    expect(said[0]).toContain(`building the Temporal CLI ${TEMPORAL_CLI_VERSION} with go1.26.8`);
    expect(await readdir(dirname(cachedCliPath(env)))).toEqual(['temporal']);
  });

  test('shows the end of what Go said when it fails', async () => {
    await program(
      'path/go',
      '#!/bin/sh\nif [ "$1" = env ]; then echo go1.25; exit; fi\necho no such module >&2\nexit 1\n',
    );
    const error: unknown = await build().catch((e: unknown) => e);
    expect(error).toMatchObject({ details: ['no such module'] });
    expect(await readdir(dirname(cachedCliPath(env)))).toEqual([]);
  });
});

test('the version that is looked for is the one that is pinned', async () => {
  const module = new URL('../../tools/temporal-cli/go.mod', import.meta.url);
  expect(await readFile(module, 'utf8')).toContain(
    `github.com/temporalio/cli ${TEMPORAL_CLI_VERSION}`,
  );
});

function cachedName(): string {
  return cachedCliPath(env).slice(folder.path.length + 1);
}

async function program(name: string, text: string): Promise<string> {
  const path = join(folder.path, name);
  await writeProgram(path, text);
  return path;
}

async function writeProgram(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
  await chmod(path, 0o755);
}
