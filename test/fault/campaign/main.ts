import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeVerdict, type Plan, runCampaign } from './campaign.js';
import { FAULT_KINDS } from './faults.js';
import { CUTS } from './tcp-proxy.js';
import { PARTS, startServers } from './topology.js';

// `npm run fault -- --seed N --minutes M`: a campaign of faults on an installation of its own, judged at its end.

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: `${Date.now() % 1_000_000}` },
    minutes: { type: 'string', default: '2' },
    runs: { type: 'string', default: '8' },
    faults: { type: 'string', default: FAULT_KINDS.join(',') },
    cuts: { type: 'string', default: CUTS.join(',') },
    doctor: { type: 'string', default: '1000' },
    forger: { type: 'string', default: '1500' },
    keep: { type: 'boolean', default: false },
  },
});
const minutes = Number(values.minutes);
const concurrency = Number(values.runs);
if (!(minutes > 0) || !(concurrency > 0)) {
  console.error(
    'Usage: npm run fault -- [--seed N] [--minutes M] [--runs N] [--faults cut,kill,pause,crash]',
  );
  process.exit(2);
}
const plan: Plan = {
  seed: values.seed,
  parts: PARTS,
  durationMs: minutes * 60_000,
  concurrency,
  workflows: 8,
  faults: FAULT_KINDS.filter((kind) => values.faults.split(',').includes(kind)),
  cuts: CUTS.filter((cut) => values.cuts.split(',').includes(cut)),
  settleMs: 90_000,
  doctorEveryMs: values.doctor === 'none' ? null : Number(values.doctor),
  forgeEveryMs: values.forger === 'none' ? null : Number(values.forger),
};
const say = (line: string): void => console.log(`${new Date().toISOString()} ${line}`);

say(`seed ${plan.seed}, ${minutes} minutes`);
const servers = await startServers(say);
const end = (): void => {
  // Everything that was started dies with this process; only the folder has to go.
  void servers.stop().finally(() => process.exit(130));
};
process.once('SIGINT', end);
process.once('SIGTERM', end);
try {
  const checkout = resolve(fileURLToPath(new URL('../../..', import.meta.url)));
  const verdict = await runCampaign(plan, servers, checkout, say);
  console.log(describeVerdict(plan, verdict));
  process.exitCode = verdict.breaches.length === 0 ? 0 : 1;
  if (values.keep) {
    console.log(`Kept until you press Ctrl-C: ${verdict.logs}`);
    console.log(`The store: ${verdict.databaseUrl}\nTemporal: ${servers.temporalAddress}`);
    await new Promise(() => setInterval(() => undefined, 60_000));
  }
} finally {
  await servers.stop();
}
process.exit();
