import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFailed, test } from 'vitest';
import { describeVerdict, type Plan, runCampaign } from './campaign/campaign.js';
import { FAULT_KINDS } from './campaign/faults.js';
import { readMutants, unfitPatches } from './campaign/patches.js';
import { CUTS } from './campaign/tcp-proxy.js';
import { PARTS, startServers } from './campaign/topology.js';
import { isLinux } from './test-stack.js';

const ROOT = resolve(fileURLToPath(new URL('../..', import.meta.url)));

/** What `npm run fault` does for hours, in little: the same code, always the same faults. */
const SHORT: Plan = {
  seed: '11',
  parts: PARTS,
  durationMs: 75_000,
  concurrency: 5,
  workflows: 8,
  faults: FAULT_KINDS,
  cuts: CUTS,
  settleMs: 90_000,
  doctorEveryMs: 4_000,
  forgeEveryMs: 1_500,
};

test.runIf(isLinux)(
  'an installation whose parts and connections fail keeps its promises, and heals by itself',
  { timeout: 900_000 },
  async () => {
    const said: string[] = [];
    onTestFailed(() => console.log(said.join('\n')));
    const servers = await startServers((line) => said.push(line));
    try {
      const verdict = await runCampaign(SHORT, servers, ROOT, (line) => said.push(line));
      said.push(describeVerdict(SHORT, verdict));
      expect(verdict.figures['votes recorded']).toBeGreaterThan(0);
      expect(verdict.breaches).toEqual([]);
    } finally {
      await servers.stop();
    }
  },
);

test('every fault that can be planted to try the campaigns still fits the code', async () => {
  const mutants = await readMutants(ROOT);
  expect(mutants.length).toBeGreaterThanOrEqual(20);
  expect(await unfitPatches(mutants, ROOT)).toEqual([]);
});
