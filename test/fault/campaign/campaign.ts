import { join } from 'node:path';
import { check } from './checker/check.js';
import { isOwed, mayLinger } from './checker/ends.js';
import { readStored, type Stored } from './checker/facts.js';
import { drawWorkflows } from './definitions.js';
import { ADMIN } from './directory.js';
import { readExecutions } from './executions.js';
import { describeStrike, drawStrikes, type FaultKind, type Outage, strikeAll } from './faults.js';
import { Forger } from './forger.js';
import { groupBy, textAt } from './json.js';
import { Random } from './random.js';
import { Clients, waitedMs } from './requests.js';
import { setUp } from './setup.js';
import type { Cut } from './tcp-proxy.js';
import { type Part, pause, type Servers, startTopology, type Topology } from './topology.js';
import {
  awaitService,
  type Breach,
  Doctors,
  findingsIn,
  judgeAnswers,
  Listeners,
  parkProbed,
  Probes,
} from './watch.js';
import { liveRun, type StartedRun } from './workload.js';

/** What a campaign is: everything in it follows from this. */
export type Plan = {
  readonly seed: string;
  readonly durationMs: number;
  /** Which processes there are: two APIs and two workers, or fewer. */
  readonly parts: readonly Part[];
  /** How many runs are under way at once. */
  readonly concurrency: number;
  readonly workflows: number;
  /** Which faults strike; none for a campaign that only looks for planted ones. */
  readonly faults: readonly FaultKind[];
  readonly cuts: readonly Cut[];
  /** How long after the last fault every run may take to end. */
  readonly settleMs: number;
  /** The pause between two rounds of `doctor --fix`; null for none. */
  readonly doctorEveryMs: number | null;
  /** The pause between two signals that nobody of ours has sent; null for none. */
  readonly forgeEveryMs: number | null;
};

/** How much there was of everything. */
export type Figures = Readonly<Record<string, number>>;

/** What a campaign came to. */
export type Verdict = {
  readonly breaches: readonly Breach[];
  readonly figures: Figures;
  readonly schedule: readonly string[];
  /** Where the logs of its processes are, while its servers last. */
  readonly logs: string;
  readonly databaseUrl: string;
};

let campaigns = 0;

/** Runs one campaign on servers that are up, with the product of a checkout, and judges it. */
export async function runCampaign(
  plan: Plan,
  servers: Servers,
  checkout: string,
  say: (line: string) => void,
): Promise<Verdict> {
  campaigns += 1;
  const name = `campaign-${campaigns}`;
  const topology = await startTopology({ servers, name, parts: plan.parts, checkout });
  try {
    return await conduct(plan, servers, topology, say);
  } finally {
    await topology.stop();
  }
}

async function conduct(
  plan: Plan,
  servers: Servers,
  topology: Topology,
  say: (line: string) => void,
): Promise<Verdict> {
  const random = new Random(plan.seed);
  const workflows = drawWorkflows(random.fork('workflows'), plan.workflows);
  const strikes = drawStrikes(random.fork('strikes'), plan.durationMs, plan.faults, plan.cuts);
  const apis = topology.members.filter(({ part }) => part.startsWith('api'));
  const clients = new Clients(apis, join(topology.logs, 'answers.jsonl'));
  const tokens = await setUp(topology, workflows);
  const probed = await parkProbed(clients, tokens);

  const probes = new Probes(clients, tokens, probed);
  const listeners = new Listeners(clients, tokens.of(ADMIN));
  const doctors = plan.doctorEveryMs === null ? null : new Doctors(topology, plan.doctorEveryMs);
  const forger =
    plan.forgeEveryMs === null
      ? null
      : new Forger(topology, random.fork('forger'), plan.forgeEveryMs);
  const startedAt = Date.now();
  const endsAt = startedAt + plan.durationMs;
  const patience = new Patience(plan.settleMs, () => progressOf(clients, topology));
  const deadline = (): number => patience.deadline();
  const workload = { clients, tokens, random: random.fork('people'), deadline };
  const runs: StartedRun[] = [];
  let begun = 0;
  const lives = Array.from({ length: plan.concurrency }, async () => {
    while (Date.now() < endsAt) {
      const name = `run-${begun}`;
      const workflow = workflows[begun % workflows.length];
      begun += 1;
      if (workflow !== undefined) {
        await liveRun(workload, workflow, name, (run) => runs.push(run));
      }
    }
  });
  const stopped = new AbortController();
  let outages: readonly Outage[] = [];
  let servedAfterMs = 0;
  const breaches: Breach[] = [];
  try {
    outages = await strikeAll(strikes, topology, servers, {
      signal: stopped.signal,
      onStrike: (strike) => say(describeStrike(strike)),
    });
    await pause(endsAt - Date.now());
    const healedAt = Date.now();
    patience.begin();
    say('the last fault is over');
    if (strikes.length > 0) {
      breaches.push(
        ...(await awaitService(topology, clients, tokens, { probes, listeners }, outages)),
      );
      servedAfterMs = Date.now() - healedAt;
    }
    await Promise.all(lives);
    say(`runs have settled after ${((Date.now() - healedAt) / 1_000).toFixed(1)} s`);
  } finally {
    stopped.abort();
    patience.end();
    await Promise.all([...lives, forger?.stop(), doctors?.stop(), probes.stop(), listeners.stop()]);
  }
  const executions = readExecutions(topology.executionsFile);
  const deceived = forger?.deceived ?? new Set<string>();
  const stored = await whenQuiet(topology, { runs, deceived }, plan.settleMs);
  breaches.push(
    ...topology.crashes.map((what) => ({ promise: '9', what })),
    ...judgeAnswers(clients.exchanges, topology.members),
    ...check({
      stored,
      runs,
      exchanges: clients.exchanges,
      executions,
      outages,
      deceived,
    }),
    ...(doctors === null ? [] : await judgeLastDoctor(topology, deceived)),
  );
  const cuts = topology.members.flatMap(({ proxies }) => Object.values(proxies));
  const answered = clients.exchanges.filter(({ status }) => status !== null);
  const ofKind = groupBy(strikes, ({ kind }) => kind);
  const mended = [...(doctors?.mended ?? new Map<string, number>())].map(
    ([code, count]): readonly [string, number] => [`doctor mended ${code}`, count],
  );
  return {
    breaches,
    schedule: strikes.map(describeStrike),
    logs: topology.logs,
    databaseUrl: topology.databaseUrl,
    figures: {
      runs: runs.length,
      gates: stored.reviews.length,
      'votes recorded': stored.facts.filter(({ kind }) => kind === 'vote').length,
      'votes sent': clients.exchanges.filter(({ purpose }) => purpose.kind === 'vote').length,
      'approvals taken back': stored.facts.filter(({ kind }) => kind === 'withdrawn').length,
      'entries given away': stored.facts.filter(({ kind }) => kind === 'reassigned').length,
      'signals and gates forged': forger?.forged ?? 0,
      'blocks executed': executions.filter(({ event }) => event === 'begun').length,
      'requests answered': answered.length,
      'requests not answered': clients.exchanges.length - answered.length,
      'answered busy': answered.filter(({ status }) => status === 503).length,
      kills: ofKind.get('kill')?.length ?? 0,
      pauses: ofKind.get('pause')?.length ?? 0,
      'servers crashed': ofKind.get('crash')?.length ?? 0,
      cuts: ofKind.get('cut')?.length ?? 0,
      'connections cut': cuts.reduce((sum, { cutConnections }) => sum + cutConnections, 0),
      'longest request (ms)': Math.max(
        ...clients.exchanges.flatMap((exchange) => {
          const api = apis.find(({ part }) => part === exchange.api);
          return api === undefined ? [] : [waitedMs(exchange, api)];
        }),
      ),
      'all served again after (ms)': servedAfterMs,
      'rounds of doctor': doctors?.rounds ?? 0,
      ...Object.fromEntries<number>(
        JUDGED.map((promise) => [
          `promise ${promise} broken`,
          breaches.filter((breach) => breach.promise === promise).length,
        ]),
      ),
      ...Object.fromEntries<number>(mended),
    },
  };
}

/** How much has been recorded and executed so far. */
function progressOf({ exchanges }: Clients, { executionsFile }: Topology): number {
  return (
    exchanges.filter(({ meaning }) => meaning === 'recorded').length +
    readExecutions(executionsFile).length
  );
}

/**
 * How long the runs may take to end: the time allowed, and on a starved machine for as long as they get on.
 *
 * What stands still for that long is stuck, however fast the machine is.
 */
class Patience {
  readonly #settleMs: number;
  readonly #progress: () => number;
  #since: number | null = null;
  #seen = { progress: -1, at: 0, lookedAt: 0 };
  #isOver = false;

  constructor(settleMs: number, progress: () => number) {
    this.#settleMs = settleMs;
    this.#progress = progress;
  }

  /** From now on nothing is broken any more. */
  begin(): void {
    this.#since = Date.now();
  }

  end(): void {
    this.#isOver = true;
  }

  /** Until when to go on, as far as is known now. */
  deadline(): number {
    if (this.#isOver) {
      return 0;
    }
    const now = Date.now();
    if (this.#since === null) {
      return now + this.#settleMs;
    }
    if (now - this.#seen.lookedAt > LOOK_FOR_PROGRESS_MS) {
      const progress = this.#progress();
      const at = progress > this.#seen.progress ? now : this.#seen.at;
      this.#seen = { progress, at, lookedAt: now };
    }
    return (
      Math.max(this.#since, Math.min(this.#seen.at, this.#since + LONGEST_SETTLING_MS)) +
      this.#settleMs
    );
  }
}

const LOOK_FOR_PROGRESS_MS = 2_000;
const LONGEST_SETTLING_MS = 300_000;

/** Reads everything once nothing is owed any more, and no workflow of an ended run goes on; at the latest after so long. */
async function whenQuiet(
  topology: Topology,
  about: { readonly runs: readonly StartedRun[]; readonly deceived: ReadonlySet<string> },
  withinMs: number,
): Promise<Stored> {
  const ours = about.runs.map(({ id }) => id);
  for (const startedAt = Date.now(); ;) {
    const stored = await readStored(topology);
    const isQuiet =
      !stored.undelivered.some((message) => isOwed(message, about.deceived)) &&
      stored.executions.every(({ status, workflowId, type }) => {
        const row = stored.runs.find(({ id }) => workflowId.startsWith(id));
        const isOurs = row !== undefined && ours.includes(row.id);
        return status !== 'RUNNING' || !isOurs || mayLinger(type, row, stored.readAt);
      });
    if (isQuiet || Date.now() - startedAt > Math.min(withinMs, QUIET_WITHIN_MS)) {
      return stored;
    }
    await pause(1_000);
  }
}

const QUIET_WITHIN_MS = 30_000;

/** At the end doctor finds nothing, but outcomes that nobody can know, and news for gates that a lie has ended. */
async function judgeLastDoctor(
  topology: Topology,
  deceived: ReadonlySet<string>,
): Promise<readonly Breach[]> {
  const { stdout, stderr, code } = await topology.command(['doctor', '--json']);
  if (stdout === '') {
    return [{ promise: '1', what: `doctor could not look (exit code ${code}): ${stderr}` }];
  }
  return findingsIn(stdout)
    .filter((finding) => {
      const code = textAt(finding, 'code');
      const isOfLie = code === 'MESSAGE_FAILED' && deceived.has(textAt(finding, 'runId') ?? '');
      return code !== 'OUTCOME_UNKNOWN' && !isOfLie;
    })
    .map((finding) => ({
      promise: '1',
      what: `doctor finds at the end: ${textAt(finding, 'code')}: ${textAt(finding, 'message')}`,
    }));
}

/** The promises that a campaign judges. */
const JUDGED = ['1', '2', '3', '4', '5', '6', '8', '9', '10'] as const;

const TOLD = 40;

/** The verdict in words: what broke, by promise, and how to see it again. */
export function describeVerdict(plan: Plan, { breaches, figures, schedule }: Verdict): string {
  const told = Object.entries(figures)
    .map(([name, count]) => `  ${name}: ${count}`)
    .join('\n');
  if (breaches.length === 0) {
    return `No promise was broken (seed ${plan.seed}).\n${told}`;
  }
  const byPromise = [...groupBy(breaches, ({ promise }) => promise)]
    .toSorted(([a], [b]) => Number(a) - Number(b))
    .map(([promise, broken]) => {
      const lines = broken.slice(0, TOLD).map(({ what }) => `  ${what}`);
      const more = broken.length > TOLD ? [`  and ${broken.length - TOLD} more`] : [];
      return [`promise ${promise}: broken ${broken.length} times`, ...lines, ...more].join('\n');
    });
  return [
    `Promises were broken (seed ${plan.seed}):`,
    ...byPromise,
    'schedule:',
    ...schedule.map((line) => `  ${line}`),
    told,
  ].join('\n');
}
