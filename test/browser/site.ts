import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';
import { findLocalStack } from '../../src/cli/local-stack.js';
import { createClient } from '../../src/client/index.js';
import { spawnGuarded } from '../../src/dev/guarded-process.js';
import { freePort } from '../../src/dev/ports.js';
import { testHome } from '../support/test-home.js';
import { makePeople, type PersonId } from './people.js';
import { declareWorkflows } from './workflows.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the pages are served, and the API is. */
    siteUrl: string;
    /** What sign-in links are made in. */
    databaseUrl: string;
    /** Where a second API on the same database finds Temporal. */
    temporalAddress: string;
    adminToken: string;
    personTokens: Readonly<Record<PersonId, string>>;
  }
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

type Stack = {
  readonly url: string;
  readonly token: string;
  readonly databaseUrl: string;
  readonly temporalAddress: string;
  stop(): Promise<void>;
};

/** Starts a stack, which builds the pages and serves them, with people and workflows in it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const stack = await startStack();
  try {
    const admin = createClient({ url: stack.url, token: stack.token });
    await declareWorkflows(admin);
    project.provide('personTokens', await makePeople(admin));
    project.provide('siteUrl', stack.url);
    project.provide('databaseUrl', stack.databaseUrl);
    project.provide('temporalAddress', stack.temporalAddress);
    project.provide('adminToken', stack.token);
    return () => stack.stop();
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

async function startStack(): Promise<Stack> {
  const home = await testHome('browser');
  const child = await spawnGuarded({
    file: process.execPath,
    args: ['bin/countersign.js', 'up'],
    cwd: ROOT,
    env: {
      ...process.env,
      PORT: `${await freePort()}`,
      COUNTERSIGN_HOME: home.path,
      // Services that fail on purpose listen beside the tests.
      COUNTERSIGN_HTTP_ALLOW: '127.0.0.1',
    },
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
      const local = await findLocalStack(home.path);
      if (local === null) {
        throw new Error('the stack did not write down where its servers are');
      }
      return {
        url: ready,
        token: secret.trim(),
        databaseUrl: local.database_url,
        temporalAddress: local.temporal_address,
        stop,
      };
    }
  }
  await stop();
  throw new Error('the stack ended before it was ready: see what it printed above');
}
