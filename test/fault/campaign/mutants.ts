import { execFile } from 'node:child_process';
import { cp, mkdir, rm, symlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { describeVerdict, type Plan, runCampaign, type Verdict } from './campaign.js';
import { type Mutant, type Needs, readMutants, unfitPatches } from './patches.js';
import { CUTS } from './tcp-proxy.js';
import { PARTS, type Servers, startServers } from './topology.js';

// `npm run fault:mutants`: plants one fault after another in a copy of the code, and says whether a short campaign finds it.

const run = promisify(execFile);
const ROOT = resolve(fileURLToPath(new URL('../../..', import.meta.url)));

/** What a copy of the checkout needs to run; the modules it uses are linked. */
const COPIED = ['bin', 'src', 'test/fault/campaign', 'package.json', 'tsconfig.json'];

/** How a mutant fared. */
type Outcome = {
  readonly mutant: Mutant;
  readonly result: 'caught' | 'missed' | 'not tried';
  readonly by: string;
};

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    // Its workflows have gates of every kind, so that few runs are enough.
    seed: { type: 'string', default: '327' },
    seeds: { type: 'string', default: '2' },
    check: { type: 'boolean', default: false },
    'no-controls': { type: 'boolean', default: false },
  },
});
const say = (line: string): void => console.log(`${new Date().toISOString()} ${line}`);

function planFor({ faults, doctorEveryMs, seconds }: Needs, seed: string): Plan {
  return {
    seed,
    parts: faults.length > 0 ? PARTS : ['api-1', 'worker-1'],
    durationMs: seconds * 1_000,
    concurrency: 8,
    workflows: 12,
    faults,
    // What kills a connection in silence is judged by campaigns; here a fault should show soon.
    cuts: CUTS.filter((cut) => cut !== 'gone' && cut !== 'left-behind'),
    settleMs: 30_000,
    doctorEveryMs,
    forgeEveryMs: 1_000,
  };
}

/** Copies what a patch may change, and applies it; an error when it does not apply to the code as it is. */
async function plant(mutant: Mutant | null, folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  for (const path of COPIED) {
    await mkdir(join(folder, path, '..'), { recursive: true });
    await cp(join(ROOT, path), join(folder, path), { recursive: true });
  }
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  if (mutant !== null) {
    await run('git', ['apply', '--whitespace=nowarn', mutant.file], { cwd: folder });
  }
}

/** Runs short campaigns until one breaks a promise; the last verdict where none does. */
async function hunt(needs: Needs, servers: Servers, checkout: string): Promise<Verdict> {
  const first = Number(values.seed);
  for (let seed = first; ; seed += 1) {
    const verdict = await runCampaign(
      planFor(needs, `${seed}`),
      servers,
      checkout,
      () => undefined,
    );
    // A slow answer tells of a starved machine: it is no sign of a fault that was planted.
    const breaches = verdict.breaches.filter(({ promise }) => promise !== '9');
    if (breaches.length > 0 || seed - first + 1 >= Number(values.seeds)) {
      return { ...verdict, breaches };
    }
  }
}

/** The code as it is has to pass the very campaigns that a mutant has to fail, or a catch would mean nothing. */
async function runControls(
  mutants: readonly Mutant[],
  servers: Servers,
  checkout: string,
): Promise<boolean> {
  await plant(null, checkout);
  const kinds = new Map(mutants.map(({ needs }) => [JSON.stringify(needs), needs]));
  let isSound = true;
  for (const [name, needs] of kinds) {
    say(`control: ${name}`);
    const verdict = await hunt(needs, servers, checkout);
    if (verdict.breaches.length > 0) {
      isSound = false;
      console.error(
        `The code as it is breaks promises, so that a caught mutant would mean nothing (${name}):`,
      );
      console.error(describeVerdict(planFor(needs, values.seed), verdict));
    }
  }
  return isSound;
}

const mutants = (await readMutants(ROOT)).filter(({ name }) =>
  values.only.split(',').some((part) => name.includes(part)),
);
const unfit = await unfitPatches(mutants, ROOT);
if (unfit.length > 0) {
  console.error(
    `${unfit.length} of ${mutants.length} patches do not apply to the code as it is: write them anew.\n${unfit.join('\n')}`,
  );
  process.exit(2);
}
say(`${mutants.length} patches apply`);
if (values.check) {
  process.exit();
}
const servers = await startServers(say);
const end = (): void => {
  void servers.stop().finally(() => process.exit(130));
};
process.once('SIGINT', end);
process.once('SIGTERM', end);
const outcomes: Outcome[] = [];
let isSound = false;
try {
  const checkout = join(servers.home, 'checkout');
  isSound = values['no-controls'] || (await runControls(mutants, servers, checkout));
  for (const mutant of mutants) {
    await plant(mutant, checkout);
    const outcome = await hunt(mutant.needs, servers, checkout).then(
      ({ breaches: [first] }): Outcome => ({
        mutant,
        result: first === undefined ? 'missed' : 'caught',
        by: first === undefined ? '' : `promise ${first.promise}: ${first.what}`,
      }),
      // A campaign that could not be run says nothing about the fault: a starved machine looks like that, too.
      (error: unknown): Outcome => ({
        mutant,
        result: 'not tried',
        by: error instanceof Error ? error.message : String(error),
      }),
    );
    outcomes.push(outcome);
    say(`${outcome.result} ${mutant.name} (${mutant.description}) ${outcome.by.slice(0, 300)}`);
  }
} finally {
  await servers.stop();
}
const others = outcomes.filter(({ result }) => result !== 'caught');
console.log(`${outcomes.length - others.length} of ${outcomes.length} planted faults were caught`);
for (const { mutant, result, by } of others) {
  console.log(`${result}: ${mutant.name}: ${mutant.description} ${by}`);
}
process.exit(isSound && others.length === 0 ? 0 : 1);
