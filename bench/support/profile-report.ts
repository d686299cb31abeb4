import type { CpuPerGate } from './cpu.js';
import type { Machine } from './machine.js';
import type { Timing } from './measure.js';
import type { MemoryPerRun } from './memory.js';
import type { Span } from './messages.js';
import { median, quantile } from './statistics.js';
import { figure, table } from './table.js';

const APPROVE = 'POST /v1/workflows/reviews/*/approve';
const CLAIM = 'activity claimRelease';
const RUN_STEP = 'activity runStep';

/** What one kind of request or activity asks of PostgreSQL: medians. */
type Cost = {
  readonly scope: string;
  readonly times: number;
  readonly statements: number;
  readonly commits: number;
  readonly statementsMs: number;
  readonly commitsMs: number;
};

/** One statement of a vote or a claim, in its place. */
type Step = { readonly text: string; readonly medianMs: number };

/** Where the time goes, from the call that casts a vote to the first line of the downstream step. */
export type Profile = {
  /** Means of the middle half of the samples, so that the parts add up. */
  readonly countersignMs: number;
  readonly bareMs: number;
  readonly phases: readonly { readonly name: string; readonly ms: number }[];
  /** What Countersign's time goes into beyond the bare one's. */
  readonly extra: readonly { readonly name: string; readonly ms: number }[];
  readonly statementsOnTheWay: number;
  readonly costs: readonly Cost[];
  readonly voteSteps: readonly Step[];
  readonly claimSteps: readonly Step[];
};

/** What `show` prints. */
export type ProfileResult = Profile & {
  readonly machine: Machine;
  readonly size: Readonly<Record<string, number>>;
  readonly cpu: readonly CpuPerGate[];
  readonly memory: readonly MemoryPerRun[];
};

/** Works out phases and costs from the timings of both sides and the spans of both processes. */
export function profile(
  ours: readonly Timing[],
  theirs: readonly Timing[],
  spans: readonly Span[],
): Profile {
  const ordered = spans.toSorted((a, b) => a.fromMs - b.fromMs);
  const ways = middleHalf(ours).map((timing) => wayOf(timing, ordered));
  const countersignMs = mean(ways.map(({ totalMs }) => totalMs));
  const bareMs = mean(middleHalf(theirs).map(({ downstreamMs }) => downstreamMs));
  const names = Object.keys(ways[0]?.phases ?? {});
  const phases = names.map((name) => ({
    name,
    ms: mean(ways.map((way) => way.phases[name] ?? 0)),
  }));
  const meanOf = (value: (way: Way) => number): number => mean(ways.map(value));
  const commitsMs = meanOf(({ statements }) => sumOf(commitsOf(statements)));
  const statementsMs = meanOf(({ statements }) => sumOf(statements)) - commitsMs;
  const temporalMs = meanOf(({ inTemporalMs }) => inTemporalMs);
  const httpMs = meanOf(({ phases }) => phases[HTTP] ?? 0);
  const extra = [
    {
      name: 'Temporal: the claim is one more activity',
      ms: temporalMs - bareMs,
    },
    { name: 'PostgreSQL: commits', ms: commitsMs },
    { name: 'PostgreSQL: all other statements', ms: statementsMs },
    { name: 'HTTP: from the client to the handler', ms: httpMs },
    {
      name: 'our own code in the API and the activities',
      ms: countersignMs - temporalMs - commitsMs - statementsMs - httpMs,
    },
  ];
  return {
    countersignMs,
    bareMs,
    phases,
    extra,
    statementsOnTheWay: median(ways.map(({ statements }) => statements.length)),
    costs: costsOf(ordered),
    voteSteps: stepsOf(ordered, APPROVE),
    claimSteps: stepsOf(ordered, CLAIM),
  };
}

const HTTP = 'HTTP: client to handler';

/** One vote's way to the downstream step. */
type Way = {
  readonly totalMs: number;
  readonly phases: Readonly<Record<string, number>>;
  readonly inTemporalMs: number;
  /** The statements that the downstream step waited for. */
  readonly statements: readonly Span[];
};

function wayOf({ run, votedAtMs, downstreamMs }: Timing, spans: readonly Span[]): Way {
  const bodyAtMs = votedAtMs + downstreamMs;
  const request = spans.find(
    ({ kind, scope, fromMs }) => kind === 'request' && scope === APPROVE && fromMs >= votedAtMs,
  );
  const statementsOf = (scope: string, isOurs: (scopeId: string) => boolean): readonly Span[] =>
    spans.filter(
      (span) => span.kind === 'statement' && span.scope === scope && isOurs(span.scopeId),
    );
  const inApi = statementsOf(APPROVE, (id) => id === request?.scopeId);
  const commitAt = inApi.findIndex(isCommit);
  const begin = inApi.find(({ text }) => text === 'begin');
  const commit = inApi[commitAt];
  const signal = inApi.findIndex(
    ({ text }, at) => at > commitAt && text.startsWith('update "outbox"'),
  );
  const addressed = inApi[signal - 1];
  const claim = statementsOf(CLAIM, (id) => id.startsWith(`${run.gateId}/`));
  const step = statementsOf(RUN_STEP, (id) => id.startsWith(`${run.id}/`)).filter(
    ({ toMs }) => toMs <= bodyAtMs,
  );
  const [claimFirst, claimLast, stepFirst] = [claim[0], claim.at(-1), step[0]];
  if (
    request === undefined ||
    begin === undefined ||
    commit === undefined ||
    addressed === undefined ||
    claimFirst === undefined ||
    claimLast === undefined ||
    stepFirst === undefined
  ) {
    throw new Error(`the way of run ${run.id} was not recorded`);
  }
  const toClaim = claimFirst.fromMs - addressed.toMs;
  const toStep = stepFirst.fromMs - claimLast.toMs;
  return {
    totalMs: downstreamMs,
    inTemporalMs: toClaim + toStep,
    statements: [...inApi.slice(0, signal), ...claim, ...step],
    phases: {
      [HTTP]: request.fromMs - votedAtMs,
      'API: routing and authentication': begin.fromMs - request.fromMs,
      'API: the vote, one transaction': commit.toMs - begin.fromMs,
      'API: reading back what to send, and where': addressed.toMs - commit.toMs,
      'Temporal: signal, task of the gate, claim handed to the worker': toClaim,
      'worker: the claim, one transaction': claimLast.toMs - claimFirst.fromMs,
      'Temporal: end of the claim and of the gate, next activity': toStep,
      'worker: the downstream step is entered in the ledger': bodyAtMs - stepFirst.fromMs,
    },
  };
}

function costsOf(spans: readonly Span[]): readonly Cost[] {
  const scopes = new Map<string, Map<string, Span[]>>();
  for (const span of spans.filter(({ kind, scope }) => kind === 'statement' && scope !== 'none')) {
    const ofScope = scopes.get(span.scope) ?? new Map<string, Span[]>();
    scopes.set(span.scope, ofScope);
    ofScope.set(span.scopeId, [...(ofScope.get(span.scopeId) ?? []), span]);
  }
  return [...scopes].map(([scope, ofScope]) => {
    const all = [...ofScope.values()];
    return {
      scope,
      times: all.length,
      statements: median(all.map(({ length }) => length)),
      commits: median(all.map((one) => commitsOf(one).length)),
      statementsMs: median(all.map(sumOf)),
      commitsMs: median(all.map((one) => sumOf(commitsOf(one)))),
    };
  });
}

/** The statements of a scope in their order, as most of its executions have them. */
function stepsOf(spans: readonly Span[], scope: string): readonly Step[] {
  const executions = new Map<string, Span[]>();
  for (const span of spans.filter((one) => one.kind === 'statement' && one.scope === scope)) {
    executions.set(span.scopeId, [...(executions.get(span.scopeId) ?? []), span]);
  }
  const all = [...executions.values()];
  const usual = median(all.map(({ length }) => length));
  const alike = all.filter(({ length }) => length === usual);
  return (alike[0] ?? []).map(({ text }, at) => ({
    text: shortForm(text),
    medianMs: median(alike.map((one) => lengthOf(one[at]))),
  }));
}

/** A statement by its verb and tables. */
function shortForm(text: string): string {
  const tables = [...text.matchAll(/(?:from|join|into|update) "?([a-z_]+)"?/g)].map(
    ([, name]) => name,
  );
  const lock = / for no key update/.test(text) ? ', locked' : '';
  return `${text.trim().split(/\s/)[0] ?? ''} ${[...new Set(tables)].join(', ')}${lock}`.trim();
}

/** What had to become durable: commits, and writes outside a transaction, which commit by themselves. */
function commitsOf(spans: readonly Span[]): readonly Span[] {
  let isInTransaction = false;
  return spans.filter((span) => {
    isInTransaction = span.text === 'begin' || (isInTransaction && !isCommit(span));
    return isCommit(span) || (!isInTransaction && /^(insert|update|delete) /.test(span.text));
  });
}

function isCommit({ text }: Span): boolean {
  return text === 'commit';
}

function lengthOf(span: Span | undefined): number {
  return span === undefined ? 0 : span.toMs - span.fromMs;
}

function sumOf(spans: readonly Span[]): number {
  return spans.reduce((sum, span) => sum + lengthOf(span), 0);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The samples between the quartiles: what a busy machine makes of the others says little. */
function middleHalf(timings: readonly Timing[]): readonly Timing[] {
  const times = timings.map(({ downstreamMs }) => downstreamMs);
  const [low, high] = [quantile(times, 0.25), quantile(times, 0.75)];
  return timings.filter(({ downstreamMs }) => downstreamMs >= low && downstreamMs <= high);
}

/** A profile for people. */
export function showProfile(result: ProfileResult): string {
  const { machine, countersignMs, bareMs, cpu, memory } = result;
  const extraMs = countersignMs - bareMs;
  const share = (ms: number, of: number): string => `${Math.round((100 * ms) / of)} %`;
  const steps = (title: string, list: readonly Step[]): string =>
    table(
      [title, 'ms'],
      list.map(({ text, medianMs }) => [text, figure(medianMs)]),
    );
  return [
    `${machine.cores} cores, load before: ${machine.load.join(', ')}; 8 kB durable on disk in ${figure(machine.fdatasyncMs)} ms`,
    '',
    `vote to downstream step: ${figure(countersignMs)} ms, bare ${figure(bareMs)} ms, of which`,
    table(
      ['phase', 'ms', 'share'],
      result.phases.map(({ name, ms }) => [name, figure(ms), share(ms, countersignMs)]),
    ),
    '',
    `beyond the bare one: ${figure(extraMs)} ms, of which`,
    table(
      ['', 'ms', 'share'],
      result.extra.map(({ name, ms }) => [name, figure(ms), share(ms, extraMs)]),
    ),
    `statements that the downstream step waits for: ${result.statementsOnTheWay}`,
    '',
    table(
      ['PostgreSQL, medians', 'seen', 'statements', 'commits', 'ms', 'commit ms'],
      result.costs.map((cost) => [
        cost.scope,
        cost.times,
        cost.statements,
        cost.commits,
        figure(cost.statementsMs),
        figure(cost.commitsMs),
      ]),
    ),
    '',
    steps('statements of a vote', result.voteSteps),
    '',
    steps('statements of a claim', result.claimSteps),
    '',
    table(
      ['CPU ms per gate', 'api', 'worker', 'PostgreSQL', 'Temporal', 'client', 'sum', 'gates/s'],
      cpu.map(({ side, msOf, gatesPerSecond }) => {
        const parts = [msOf.api, msOf.worker, msOf.postgres, msOf.temporal, msOf.client];
        const sum = parts.reduce((total, part) => total + part, 0);
        return [side, ...[...parts, sum, gatesPerSecond].map(figure)];
      }),
    ),
    '',
    table(
      ['worker memory', 'parked runs', 'kB per run'],
      memory.map(({ side, parked, kbPerRun }) => [side, parked, figure(kbPerRun)]),
    ),
  ].join('\n');
}
