import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { preview } from 'vite';
import type { TestProject } from 'vitest/node';
import { createClient } from '../../src/client/index.js';
import { spawnGuarded } from '../../src/dev/guarded-process.js';
import { freePort } from '../../src/dev/ports.js';
import { testHome } from '../support/test-home.js';
import { makePeople, type PersonId } from './people.js';
import { declareWorkflows } from './workflows.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the pages are served. */
    siteUrl: string;
    /** Where the API is, for what tests do beside the browser. */
    apiUrl: string;
    adminToken: string;
    personTokens: Readonly<Record<PersonId, string>>;
  }
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const run = promisify(execFile);

type Stack = { readonly url: string; readonly token: string; stop(): Promise<void> };

/** Builds the pages and serves them beside a stack, with people and workflows in it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const stack = await startStack();
  try {
    const admin = createClient({ url: stack.url, token: stack.token });
    await declareWorkflows(admin);
    project.provide('personTokens', await makePeople(admin));
    project.provide('apiUrl', stack.url);
    project.provide('adminToken', stack.token);
    process.env['COUNTERSIGN_URL'] = stack.url;
    const configFile = join(ROOT, 'web/vite.config.ts');
    await run(process.execPath, [join(ROOT, 'node_modules/vite/bin/vite.js'), 'build', 'web'], {
      cwd: ROOT,
      // Else it would be built with what React has for tests.
      env: { ...process.env, NODE_ENV: 'production' },
    });
    const site = await preview({
      configFile,
      logLevel: 'warn',
      preview: { host: '127.0.0.1', port: await freePort(), strictPort: true },
    });
    project.provide('siteUrl', (site.resolvedUrls?.local[0] ?? '').replace(/\/$/, ''));
    return async () => {
      await site.close();
      await stack.stop();
    };
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

/** A stack of its own; or one that runs already, where the environment names it as for the command line. */
async function startStack(): Promise<Stack> {
  const { COUNTERSIGN_URL: url, COUNTERSIGN_TOKEN: token } = process.env;
  if (url !== undefined && token !== undefined) {
    return { url, token, stop: async () => {} };
  }
  const home = await testHome('browser');
  const child = await spawnGuarded({
    file: process.execPath,
    args: ['bin/countersign.js', 'up'],
    cwd: ROOT,
    env: { ...process.env, PORT: `${await freePort()}`, COUNTERSIGN_HOME: home.path },
    deathSignal: 'TERM',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await exited;
    await home.remove();
  };
  for await (const line of createInterface({ input: child.stdout ?? process.stdin })) {
    const ready = /^countersign ready: (\S+)/.exec(line)?.[1];
    if (ready !== undefined) {
      child.stdout?.resume();
      const secret = await readFile(join(home.path, 'admin-token'), 'utf8');
      return { url: ready, token: secret.trim(), stop };
    }
  }
  await stop();
  throw new Error('the stack ended before it was ready: see what it printed above');
}
