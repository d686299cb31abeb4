import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { kernelEndsChildren } from '../../src/dev/guarded-process.js';
import { startNodeChild, type NodeChildOptions } from '../../src/dev/node-child.js';
import { processIdentity } from '../../src/dev/process-identity.js';
import type { Running } from '../../src/dev/running.js';
import { becomesTrue } from '../../src/dev/wait.js';
import { testHome, type TestHome } from '../support/test-home.js';
import { isJson, startFixture } from './fixture.js';

let folder: TestHome;
let logFile: string;
const running: Running[] = [];
beforeEach(async () => {
  folder = await testHome('child');
  logFile = join(folder.path, 'child.log');
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((child) => child.stop({ force: true })));
  await folder.remove();
});

const start = async (
  script: string,
  options: Partial<NodeChildOptions> = {},
): Promise<Running & { lines: string[] }> => {
  const lines: string[] = [];
  const child = await startNodeChild(
    { file: process.execPath, args: ['-e', script] },
    { logFile, onLog: (line) => lines.push(line), ...options },
  );
  running.push(child);
  return { ...child, lines };
};
const UP = "console.log('up'); setInterval(() => {}, 1000);";

describe('startNodeChild', () => {
  test('tells how a child ended, with its last lines, all of which are in the log', async () => {
    const child = await start("console.log('one'); console.error('two'); process.exitCode = 3");
    const exit = await child.exited;
    expect(exit).toMatchObject({ code: 3, signal: null });
    expect(exit.lastLines.toSorted()).toEqual(['one', 'two']);
    expect((await readFile(logFile, 'utf8')).split('\n').toSorted()).toEqual(['', 'one', 'two']);
  });

  test('keeps only the last lines in memory', async () => {
    const child = await start("for (let i = 0; i < 100; i += 1) console.log('line ' + i)");
    const { lastLines } = await child.exited;
    expect(lastLines).toHaveLength(20);
    expect(lastLines.at(-1)).toBe('line 99');
  });

  test('tells when there is no such program', async () => {
    const child = await startNodeChild({ file: '/no/such/node', args: [] }, { logFile });
    const { code, lastLines } = await child.exited;
    expect(code).not.toBe(0);
    expect(lastLines.join()).toMatch(/no such file|ENOENT/i);
  });

  test('lets a child drain on SIGTERM', async () => {
    const child = await start(
      `process.once('SIGTERM', () => { console.log('drained'); process.exit(0); }); ${UP}`,
    );
    expect(await becomesTrue(() => child.lines.includes('up'), 10_000)).toBe(true);
    await child.stop();
    expect(await child.exited).toMatchObject({ code: 0, lastLines: ['up', 'drained'] });
  });

  test('kills a child that does not drain in time', async () => {
    const child = await start(`process.on('SIGTERM', () => {}); ${UP}`, { drainMs: 50 });
    expect(await becomesTrue(() => child.lines.includes('up'), 10_000)).toBe(true);
    await child.stop();
    expect(await child.exited).toMatchObject({ signal: 'SIGKILL' });
  });

  test('kills at once when a stop under way is forced', async () => {
    const child = await start(`process.on('SIGTERM', () => { console.log('asked'); }); ${UP}`, {
      drainMs: 60_000,
    });
    expect(await becomesTrue(() => child.lines.includes('up'), 10_000)).toBe(true);
    const stopping = child.stop();
    expect(await becomesTrue(() => child.lines.includes('asked'), 10_000)).toBe(true);
    await child.stop({ force: true });
    await stopping;
    expect(await child.exited).toMatchObject({ signal: 'SIGKILL' });
  });

  test.runIf(process.platform === 'linux')(
    'runs a child in a process group of its own, where Ctrl-C does not reach it',
    async () => {
      const child = await start(UP);
      const stat = await readFile(`/proc/${child.pid}/stat`, 'utf8');
      const [, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      expect(Number(group)).toBe(child.pid);
    },
  );

  test.each(['kernel', 'channel'])(
    'a child dies with a parent that is killed, by the %s',
    async (lifeline) => {
      if (lifeline === 'kernel' && !(await kernelEndsChildren())) {
        return;
      }
      const parent = startFixture('hold-child', [logFile, lifeline]);
      const [, pid = '0'] = /"pid":(\d+)/.exec(await parent.line(isJson)) ?? [];
      const identity = await processIdentity(Number(pid));
      expect(identity).not.toBeNull();
      await parent.kill();
      const isGone = async (): Promise<boolean> =>
        (await processIdentity(Number(pid))) !== identity;
      expect(await becomesTrue(isGone, 10_000)).toBe(true);
    },
  );
});
