import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findServer } from '../../src/cli/commands/find-server.js';
import { rememberLocalStack } from '../../src/cli/local-stack.js';

let cwd: string;
let home: string;

beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'countersign-cli-'));
  home = join(cwd, '.countersign');
  await mkdir(home);
});

afterEach(async () => {
  await rm(cwd, { recursive: true });
});

async function writeToken(folder = home): Promise<string> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'admin-token'), 'cs_home\n');
  return join(folder, 'admin-token');
}

async function rememberUrl(apiUrl: string): Promise<void> {
  await rememberLocalStack(home, {
    api_url: apiUrl,
    database_url: 'postgres://127.0.0.1/x',
    temporal_address: '127.0.0.1:7233',
    temporal_namespace: 'default',
  });
}

describe('findServer', () => {
  test('takes what the environment names', async () => {
    await writeToken();
    const env = {
      COUNTERSIGN_URL: 'https://countersign.example.com',
      COUNTERSIGN_TOKEN: ' cs_env\n',
    };
    expect(await findServer(env, cwd)).toEqual({
      url: 'https://countersign.example.com',
      token: 'cs_env',
      tokenSource: 'COUNTERSIGN_TOKEN',
    });
  });

  test('else takes the server that was started on the home, and its token', async () => {
    const tokenSource = await writeToken();
    await rememberUrl('http://127.0.0.1:9123');
    expect(await findServer({}, cwd)).toEqual({
      url: 'http://127.0.0.1:9123',
      token: 'cs_home',
      tokenSource,
    });
  });

  test('finds the server of a home that listens on another address', async () => {
    await writeToken();
    await rememberUrl('http://192.0.2.7:8080');
    expect(await findServer({}, cwd)).toMatchObject({ url: 'http://192.0.2.7:8080' });
  });

  test.each([
    [{}, 'http://127.0.0.1:8080'],
    [{ PORT: '9000' }, 'http://127.0.0.1:9000'],
    [{ PORT: '9000', HOST: '0.0.0.0' }, 'http://127.0.0.1:9000'],
  ])('without one takes the address of %j', async (env, url) => {
    await writeToken();
    expect(await findServer(env, cwd)).toMatchObject({ url, token: 'cs_home' });
  });

  test('reads another home where COUNTERSIGN_HOME names it', async () => {
    const tokenSource = await writeToken(join(cwd, 'elsewhere'));
    expect(await findServer({ COUNTERSIGN_HOME: 'elsewhere' }, cwd)).toMatchObject({
      token: 'cs_home',
      tokenSource,
    });
  });

  test('does not give the token of a home away to another machine', async () => {
    await writeToken();
    const env = { COUNTERSIGN_URL: 'https://countersign.example.com' };
    await expect(findServer(env, cwd)).rejects.toThrow(
      'No token for https://countersign.example.com: set COUNTERSIGN_TOKEN',
    );
    const meant = { ...env, COUNTERSIGN_HOME: home };
    expect(await findServer(meant, cwd)).toMatchObject({ token: 'cs_home' });
    const local = { COUNTERSIGN_URL: 'http://localhost:9000' };
    expect(await findServer(local, cwd)).toMatchObject({ token: 'cs_home' });
  });

  test('says how to get a token where there is none', async () => {
    await expect(findServer({}, cwd)).rejects.toThrow(
      `No token: set COUNTERSIGN_TOKEN, or start a server here with \`countersign up\`, which writes one to ${home}/admin-token.`,
    );
    await writeFile(join(home, 'admin-token'), '\n');
    await expect(findServer({}, cwd)).rejects.toThrow('No token');
  });

  test('says why a token cannot be read', async () => {
    await mkdir(join(home, 'admin-token'));
    await expect(findServer({}, cwd)).rejects.toThrow(/Cannot read the token in .*EISDIR/);
  });

  test('names a setting that cannot be used', async () => {
    const work = findServer({ COUNTERSIGN_URL: 'nowhere' }, cwd);
    await expect(work).rejects.toThrow("COUNTERSIGN_URL is 'nowhere': it must be a URL.");
  });
});
