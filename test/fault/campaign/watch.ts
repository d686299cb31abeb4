import { read, start, type Tokens, voteIn } from './dialects.js';
import { OWNERS, STRANGER } from './directory.js';
import { readExecutions } from './executions.js';
import type { Outage } from './faults.js';
import { isObject, listAt, textAt, valueAt } from './json.js';
import { type Clients, type Exchange, LONGEST_REQUEST_MS, waitedMs } from './requests.js';
import { CANARY, PROBED } from './setup.js';
import { type Member, type Part, pause, type Topology } from './topology.js';

/** How soon after the last fault everything has to work again. */
export const SERVES_WITHIN_MS = 30_000;

/**
 * How soon a worker notices that its connection to Temporal is dead where nobody tells it: the SDK's worker asks
 * every 30 s, waits 15 s for the answer, and lets nobody say otherwise.
 */
const WORKER_NOTICES_WITHIN_MS = 50_000;

const PROBE_EVERY_MS = 250;

/** Something that broke a promise while the campaign ran. */
export type Breach = { readonly promise: string; readonly what: string };

/** A run whose review nobody decides, for the probes' votes. */
export type ProbedReview = {
  readonly reviewId: string;
  readonly runId: string;
  readonly stepId: string;
  readonly versionId: string;
};

/** Parks the run whose review the probes vote on. */
export async function parkProbed(clients: Clients, tokens: Tokens): Promise<ProbedReview> {
  const [api] = clients.apis;
  if (api === undefined) {
    throw new Error('there is no API');
  }
  const [by] = OWNERS;
  const about = { workflowId: PROBED.id, inputs: { held: { amount: 1 } }, by, commandId: 'probed' };
  const { body, status } = await clients.send(api, start(tokens, about));
  const runId = textAt(body, 'id');
  if (runId === null) {
    throw new Error(`the probed run could not be started: ${status} ${JSON.stringify(body)}`);
  }
  for (;;) {
    const path = `/v1/workflows/reviews?run_id=${runId}`;
    const [review] = listAt((await clients.send(api, read(tokens, by, path))).body, 'data');
    if (review !== undefined) {
      return {
        reviewId: textAt(review, 'id') ?? '',
        runId,
        stepId: textAt(review, 'step_id') ?? '',
        versionId: textAt(review, 'newest_version_id') ?? '',
      };
    }
    await pause(PROBE_EVERY_MS);
  }
}

/** Sends a read and a vote to every API four times a second, whatever became of the ones before. */
export class Probes {
  readonly #clients: Clients;
  readonly #tokens: Tokens;
  readonly #probed: ProbedReview;
  readonly #pending = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout;
  /** The latest moment at which each API gave the answer that a probe is owed. */
  readonly #servedAt = new Map<string, { read: number; vote: number }>();

  constructor(clients: Clients, tokens: Tokens, probed: ProbedReview) {
    this.#clients = clients;
    this.#tokens = tokens;
    this.#probed = probed;
    this.#timer = setInterval(() => this.#probeAll(), PROBE_EVERY_MS);
  }

  #probeAll(): void {
    for (const api of this.#clients.apis) {
      for (const what of ['read', 'vote'] as const) {
        const probing = this.#probe(api, what).finally(() => this.#pending.delete(probing));
        this.#pending.add(probing);
      }
    }
  }

  async #probe(api: Member, what: 'read' | 'vote'): Promise<void> {
    const ballot = { ...this.#probed, by: STRANGER, verdict: 'approved', force: false } as const;
    const request =
      what === 'read'
        ? read(this.#tokens, STRANGER, '/v1/me')
        : voteIn('retab', this.#tokens, ballot);
    const { at, status } = await this.#clients.send(api, {
      ...request,
      purpose: { kind: 'probe' },
    });
    if (status === (what === 'read' ? 200 : 403)) {
      const served = this.#servedAt.get(api.part) ?? { read: 0, vote: 0 };
      this.#servedAt.set(api.part, { ...served, [what]: Math.max(served[what], at) });
    }
  }

  /** Whether an API has answered both probes that were sent after a moment. */
  servesSince(api: Member, since: number): boolean {
    const served = this.#servedAt.get(api.part);
    return served !== undefined && served.read > since && served.vote > since;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#pending);
  }
}

/** Listens to the events of every API as a page does: it connects again when a stream ends. */
export class Listeners {
  readonly #stopped = new AbortController();
  readonly #heardAt = new Map<string, number>();
  readonly #work: Promise<unknown>;

  constructor(clients: Clients, token: string) {
    this.#work = Promise.all(clients.apis.map((api) => this.#listen(api, token)));
  }

  async #listen(api: Member, token: string): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      try {
        const { body } = await fetch(`${api.url}/v1/events`, {
          headers: { authorization: `Bearer ${token}` },
          signal: this.#stopped.signal,
        });
        for await (const chunk of body ?? []) {
          if (Buffer.from(chunk).toString('utf8').includes('event: change')) {
            this.#heardAt.set(api.part, Date.now());
          }
        }
      } catch {
        // The API is away; a page tries again as well.
      }
      await pause(500);
    }
  }

  heardSince(api: Member, since: number): boolean {
    return (this.#heardAt.get(api.part) ?? 0) > since;
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#work;
  }
}

/** What `countersign doctor --fix` did, again and again, beside everything else. */
export class Doctors {
  rounds = 0;
  /** What it says it mended, by code. */
  readonly mended = new Map<string, number>();
  readonly #stopped = new AbortController();
  readonly #work: Promise<void>;

  constructor(topology: Topology, everyMs: number) {
    this.#work = this.#run(topology, everyMs);
  }

  async #run(topology: Topology, everyMs: number): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      const { stdout } = await topology.command(
        ['doctor', '--fix', '--json'],
        this.#stopped.signal,
      );
      this.rounds += 1;
      for (const finding of findingsIn(stdout)) {
        if (valueAt(finding, 'fixed') === true) {
          const code = textAt(finding, 'code') ?? '?';
          this.mended.set(code, (this.mended.get(code) ?? 0) + 1);
        }
      }
      await pause(everyMs);
    }
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#work;
  }
}

/** The findings in what `doctor --json` printed; none where it could not look. */
export function findingsIn(stdout: string): readonly unknown[] {
  try {
    const printed: unknown = JSON.parse(stdout);
    return isObject(printed) ? listAt(printed, 'findings') : [];
  } catch {
    return [];
  }
}

/**
 * Waits until every process serves again and events flow, and says what does not within the time allowed.
 *
 * Runs of one block are started meanwhile: by their executions it shows which workers are at work.
 */
export async function awaitService(
  topology: Topology,
  clients: Clients,
  tokens: Tokens,
  watchers: { readonly probes: Probes; readonly listeners: Listeners },
  outages: readonly Outage[],
): Promise<readonly Breach[]> {
  const since = Date.now();
  const workers = topology.members.filter(({ part }) => part.startsWith('worker'));
  const missing = (): readonly Missing[] => {
    const atWork = readExecutions(topology.executionsFile)
      .filter(({ at }) => at > since)
      .map(({ pid }) => pid);
    return [
      ...clients.apis
        .filter((api) => !watchers.probes.servesSince(api, since))
        .map(({ part }) => ({ part, what: 'does not answer its probes' })),
      ...clients.apis
        .filter((api) => !watchers.listeners.heardSince(api, since))
        .map(({ part }) => ({ part, what: 'tells of no event' })),
      ...workers
        .filter(({ pids }) => !atWork.includes(pids.at(-1) ?? -1))
        .map(({ part }) => ({ part, what: 'executes nothing' })),
    ];
  };
  const overdue = (): readonly Missing[] =>
    missing().filter(({ part }) => Date.now() > servesFrom(part, since, outages));
  const starting: Promise<unknown>[] = [];
  for (let count = 0; missing().length > 0 && overdue().length === 0; count += 1) {
    const api = clients.apis[count % clients.apis.length];
    if (api !== undefined) {
      starting.push(
        clients.send(
          api,
          start(tokens, {
            workflowId: CANARY.id,
            inputs: { sing: { amount: count } },
            by: OWNERS[0],
            commandId: `canary-${since}-${count}`,
          }),
        ),
      );
    }
    await pause(500);
  }
  const still = overdue();
  await Promise.all(starting);
  return still.map(({ part, what }) => ({
    promise: '9',
    what: `${part} ${what} ${Math.round((Date.now() - since) / 1_000)} s after the last fault`,
  }));
}

/** A process that does not serve yet, and what it does not do. */
type Missing = { readonly part: Part; readonly what: string };

/** By when a process has to serve again. */
function servesFrom(part: Part, since: number, outages: readonly Outage[]): number {
  const noticed = outages.flatMap(({ strike, from }) =>
    strike.kind === 'cut' &&
    strike.cut === 'gone' &&
    strike.server === 'temporal' &&
    strike.part === part &&
    part.startsWith('worker')
      ? [from + WORKER_NOTICES_WITHIN_MS]
      : [],
  );
  return Math.max(since + SERVES_WITHIN_MS, ...noticed);
}

/** What is wrong with the answers themselves, whatever was stored. */
export function judgeAnswers(
  exchanges: readonly Exchange[],
  members: readonly Member[],
): readonly Breach[] {
  const byPart = new Map(members.map((one) => [one.part as string, one]));
  return exchanges.flatMap((exchange): readonly Breach[] => {
    const { api, status, body, dialect, purpose, at, answeredAt } = exchange;
    const member = byPart.get(api);
    const about = `${purpose.kind} (${dialect}) at ${api} after ${answeredAt - at} ms, ${new Date(at).toISOString()}`;
    const breaches: Breach[] = [];
    if (member !== undefined && waitedMs(exchange, member) > LONGEST_REQUEST_MS) {
      breaches.push({ promise: '9', what: `no answer within 30 s: ${about}` });
    }
    if (status !== null && status >= 500 && status !== 503) {
      breaches.push({
        promise: '8',
        what: `answered ${status}: ${about}: ${JSON.stringify(body)}`,
      });
    }
    return breaches;
  });
}
