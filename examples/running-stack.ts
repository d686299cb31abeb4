import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { findLocalStack } from '../src/cli/local-stack.js';
import { type Client, createClient } from '../src/client/index.js';

/** What a demo is given: where a stack runs, and a client on behalf of its admin. */
export type RunningStack = {
  readonly url: string;
  readonly databaseUrl: string;
  readonly client: Client;
};

function homeFolder(): string {
  return process.env['COUNTERSIGN_HOME'] ?? '.countersign';
}

/** Does something with the stack of this home if it answers, else with one that is started for it and stopped afterwards. */
export async function withRunningStack(use: (stack: RunningStack) => Promise<void>): Promise<void> {
  const known = await findLocalStack(homeFolder());
  if (known !== null && (await answers(known.api_url))) {
    await use(await readStack());
    return;
  }
  console.log('no stack is running here: starting one for the demo');
  const child = spawn(process.execPath, ['bin/countersign.js', 'up', '--no-demo'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await untilReady(child);
    await use(await readStack());
  } finally {
    await stop(child);
  }
}

/** Where the stack of this home runs, as it has written it down. */
async function readStack(): Promise<RunningStack> {
  const home = homeFolder();
  const stack = await findLocalStack(home);
  if (stack === null) {
    throw new Error(`there is no stack.json in ${home}: start a stack with npm start`);
  }
  const { api_url: url, database_url: databaseUrl } = stack;
  const token = (await readFile(join(home, 'admin-token'), 'utf8')).trim();
  return { url, databaseUrl, client: createClient({ url, token }) };
}

async function answers(url: string): Promise<boolean> {
  return await fetch(`${url}/healthz`).then(
    ({ ok }) => ok,
    () => false,
  );
}

async function untilReady(child: ChildProcess): Promise<void> {
  if (child.stdout === null) {
    throw new Error('the stack has no output');
  }
  for await (const line of createInterface({ input: child.stdout })) {
    console.log(`  ${line}`);
    if (line.startsWith('countersign ready: ')) {
      child.stdout.resume();
      return;
    }
  }
  throw new Error('the stack ended before it was ready: see what it printed above');
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) {
    return;
  }
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await exited;
}
