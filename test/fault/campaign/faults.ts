import type { Random } from './random.js';
import { type Cut, CUTS } from './tcp-proxy.js';
import {
  type Part,
  PARTS,
  pause,
  type Servers,
  SERVERS,
  type ServerName,
  type Topology,
} from './topology.js';

/** Something that is done to the installation, and undone after a while. */
export type Strike = {
  /** Since the beginning of the campaign. */
  readonly atMs: number;
  readonly forMs: number;
} & (
  | {
      readonly kind: 'cut';
      readonly part: Part;
      readonly server: ServerName;
      readonly cut: Cut;
      readonly delayMs: number;
    }
  | { readonly kind: 'kill' | 'pause'; readonly part: Part }
  | { readonly kind: 'crash'; readonly server: ServerName }
);

/** What a strike hits; nothing is hit twice at once. */
function targetOf(strike: Strike): string {
  switch (strike.kind) {
    case 'cut':
      return `${strike.part} to ${strike.server}`;
    case 'kill':
    case 'pause':
      return strike.part;
    case 'crash':
      return strike.server;
  }
}

/** A strike in words, for the schedule that a failure prints. */
export function describeStrike(strike: Strike): string {
  const what =
    strike.kind === 'cut'
      ? `${strike.cut} ${targetOf(strike)}`
      : `${strike.kind} ${targetOf(strike)}`;
  return `${(strike.atMs / 1_000).toFixed(1)} s: ${what} for ${(strike.forMs / 1_000).toFixed(1)} s`;
}

/** Which kinds of faults a campaign may strike with; all of them unless told. */
export const FAULT_KINDS = ['cut', 'kill', 'pause', 'crash'] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** The processes that are killed and paused are away for less than this, so that a request has time left. */
const LONGEST_AWAY_MS = 10_000;

/** Draws what is done during so long a campaign: everything is undone before its end. */
export function drawStrikes(
  random: Random,
  durationMs: number,
  kinds: readonly FaultKind[] = FAULT_KINDS,
  cuts: readonly Cut[] = CUTS,
): readonly Strike[] {
  const strikes: Strike[] = [];
  if (kinds.length === 0) {
    return strikes;
  }
  const busyUntil = new Map<string, number>();
  for (let atMs = 3_000; ;) {
    const strike = drawStrike(random, atMs, kinds, cuts);
    const target = targetOf(strike);
    if (atMs + strike.forMs > durationMs) {
      return strikes;
    }
    if ((busyUntil.get(target) ?? 0) <= atMs) {
      strikes.push(strike);
      busyUntil.set(target, atMs + strike.forMs + 2_000);
    }
    atMs += random.int(500, 6_000);
  }
}

function drawStrike(
  random: Random,
  atMs: number,
  kinds: readonly FaultKind[],
  cuts: readonly Cut[],
): Strike {
  const weights = (
    [
      ['cut', 10],
      ['kill', 3],
      ['pause', 3],
      ['crash', 1],
    ] as const
  ).filter(([kind]) => kinds.includes(kind));
  const kind = random.weighted(weights);
  switch (kind) {
    case 'cut':
      return {
        kind,
        atMs,
        forMs: random.int(500, 12_000),
        part: random.pick(PARTS),
        server: random.weighted([
          ['postgres', 3],
          ['temporal', 2],
        ] as const),
        cut: random.pick(cuts),
        delayMs: random.int(50, 1_500),
      };
    case 'kill':
      return { kind, atMs, forMs: random.int(100, 4_000), part: random.pick(PARTS) };
    case 'pause':
      return { kind, atMs, forMs: random.int(500, LONGEST_AWAY_MS), part: random.pick(PARTS) };
    case 'crash':
      return { kind, atMs, forMs: random.int(100, 4_000), server: random.pick(SERVERS) };
  }
}

/** A time in which something was broken, in milliseconds since 1970. */
export type Outage = { readonly from: number; readonly to: number; readonly strike: Strike };

/** Carries the schedule out and heals what is left; resolves when the last fault is over. */
export async function strikeAll(
  strikes: readonly Strike[],
  topology: Topology,
  servers: Servers,
  about: { readonly signal: AbortSignal; readonly onStrike: (strike: Strike) => void },
): Promise<readonly Outage[]> {
  const startedAt = Date.now();
  const outages: Outage[] = [];
  const work = strikes.map(async (strike) => {
    await pause(startedAt + strike.atMs - Date.now());
    if (about.signal.aborted) {
      return;
    }
    about.onStrike(strike);
    const from = Date.now();
    await carryOut(strike, topology, servers);
    outages.push({ from, to: Date.now(), strike });
  });
  await Promise.all(work);
  return outages;
}

async function carryOut(strike: Strike, { members }: Topology, servers: Servers): Promise<void> {
  const hit = strike.kind === 'crash' ? null : members.find(({ part }) => part === strike.part);
  switch (strike.kind) {
    case 'cut': {
      const proxy = hit?.proxies[strike.server];
      proxy?.cut(strike.cut, strike.delayMs);
      await pause(strike.forMs);
      proxy?.heal();
      return;
    }
    case 'kill':
      await hit?.kill();
      await pause(strike.forMs);
      await hit?.start();
      return;
    case 'pause':
      hit?.freeze();
      await pause(strike.forMs);
      hit?.thaw();
      return;
    case 'crash':
      await servers.crash(strike.server, strike.forMs);
      return;
  }
}
