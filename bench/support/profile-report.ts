import type { Machine } from './machine.js';
import type { Timing } from './measure.js';
import type { MemoryPerRun } from './memory.js';
import type { Span } from './messages.js';
import { median, quantile } from './statistics.js';
import { figure, table } from './table.js';

const APPROVE = 'POST /v1/workflows/reviews/*/approve';
const RUN_STEP = 'activity runStep';
const SIGNAL = 'SignalWorkflowExecution';

/** What one kind of request or activity asks of PostgreSQL and Temporal: medians. */
type Cost = {
  readonly scope: string;
  readonly times: number;
  readonly statements: number;
  readonly commits: number;
  readonly calls: number;
  readonly statementsMs: number;
  readonly callsMs: number;
};

/** One statement or call of a vote or of the next step, in its place. */
type Step = { readonly text: string; readonly medianMs: number };

/** A stretch of a way, in milliseconds. */
type Stretch = { readonly name: string; readonly ms: number };

/** Where the time goes after the call that casts a vote. */
export type Profile = {
  /** Means of the middle half of the samples, so that the stretches add up. */
  readonly countersignMs: number;
  readonly childMs: number;
  /** To the first line of the downstream step. */
  readonly toDownstream: readonly Stretch[];
  /** To the answer. */
  readonly toAnswer: readonly Stretch[];
  readonly costs: readonly Cost[];
  readonly voteSteps: readonly Step[];
  readonly nextSteps: readonly Step[];
};

/** What `showProfile` prints. */
export type ProfileResult = Profile & {
  readonly machine: Machine;
  readonly size: Readonly<Record<string, number>>;
  readonly memory: readonly MemoryPerRun[];
};

/** Works out stretches and costs from the timings of both sides and the spans of both processes. */
export function profile(
  ours: readonly Timing[],
  theirs: readonly Timing[],
  spans: readonly Span[],
): Profile {
  const ordered = spans.toSorted((a, b) => a.fromMs - b.fromMs);
  const middle = middleHalf(ours);
  const ways = middle.map((timing) => wayOf(timing, ordered));
  return {
    countersignMs: mean(middle.map(({ downstreamMs }) => downstreamMs)),
    childMs: mean(middleHalf(theirs).map(({ downstreamMs }) => downstreamMs)),
    toDownstream: meansOf(ways.map(({ toDownstream }) => toDownstream)),
    toAnswer: meansOf(ways.map(({ toAnswer }) => toAnswer)),
    costs: costsOf(ordered),
    voteSteps: stepsOf(ordered, APPROVE),
    nextSteps: stepsOf(ordered, RUN_STEP),
  };
}

type Way = { readonly toDownstream: readonly Stretch[]; readonly toAnswer: readonly Stretch[] };

/** One vote's way: it is told to Temporal by the request itself, and the next step begins in an activity. */
function wayOf({ run, votedAtMs, downstreamMs, answeredMs }: Timing, spans: readonly Span[]): Way {
  const request = spans.find(
    ({ kind, scope, fromMs }) => kind === 'request' && scope === APPROVE && fromMs >= votedAtMs,
  );
  const signal = spans.find(
    ({ kind, text, scopeId }) => kind === 'call' && text === SIGNAL && scopeId === request?.scopeId,
  );
  const ledger = spans.find(
    ({ kind, scope, scopeId }) =>
      kind === 'statement' && scope === RUN_STEP && scopeId.startsWith(`${run.id}/`),
  );
  if (request === undefined || signal === undefined || ledger === undefined) {
    throw new Error(`the way of run ${run.id} was not recorded`);
  }
  const before = [
    { name: 'HTTP: client to handler', ms: request.fromMs - votedAtMs },
    { name: 'API: the vote, to its signal', ms: signal.fromMs - request.fromMs },
  ];
  return {
    toDownstream: [
      ...before,
      { name: 'Temporal: signal to next activity', ms: ledger.fromMs - signal.fromMs },
      { name: 'worker: next step in the ledger', ms: votedAtMs + downstreamMs - ledger.fromMs },
    ],
    toAnswer: [
      ...before,
      { name: 'Temporal: the signal', ms: signal.toMs - signal.fromMs },
      {
        name: 'API: what follows the signal, to the client',
        ms: votedAtMs + answeredMs - signal.toMs,
      },
    ],
  };
}

function meansOf(ways: readonly (readonly Stretch[])[]): readonly Stretch[] {
  return (ways[0] ?? []).map(({ name }, at) => ({
    name,
    ms: mean(ways.map((way) => way[at]?.ms ?? 0)),
  }));
}

function costsOf(spans: readonly Span[]): readonly Cost[] {
  const named = spans.filter(({ kind, scope }) => kind !== 'request' && scope !== 'none');
  return [...groupBy(named, ({ scope }) => scope)].map(([scope, ofScope]) => {
    const all = [...groupBy(ofScope, ({ scopeId }) => scopeId).values()];
    const medianOf = (value: (own: readonly Span[]) => number): number => median(all.map(value));
    return {
      scope,
      times: all.length,
      statements: medianOf((own) => ofKind(own, 'statement').length),
      commits: medianOf((own) => ofKind(own, 'statement').filter(isCommit).length),
      calls: medianOf((own) => ofKind(own, 'call').length),
      statementsMs: medianOf((own) => sumOf(ofKind(own, 'statement'))),
      callsMs: medianOf((own) => sumOf(ofKind(own, 'call'))),
    };
  });
}

/** The statements and calls of a scope in their order, as most of its executions have them. */
function stepsOf(spans: readonly Span[], scope: string): readonly Step[] {
  const own = spans.filter((span) => span.kind !== 'request' && span.scope === scope);
  const all = [...groupBy(own, ({ scopeId }) => scopeId).values()];
  if (all.length === 0) {
    return [];
  }
  const usual = quantile(
    all.map(({ length }) => length),
    0.5,
  );
  const alike = all.filter(({ length }) => length === usual);
  return (alike[0] ?? []).map((span, at) => ({
    text: span.kind === 'call' ? `Temporal: ${span.text}` : shortForm(span.text),
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

function groupBy(
  spans: readonly Span[],
  key: (span: Span) => string,
): ReadonlyMap<string, readonly Span[]> {
  const groups = new Map<string, Span[]>();
  for (const span of spans) {
    const group = groups.get(key(span)) ?? [];
    group.push(span);
    groups.set(key(span), group);
  }
  return groups;
}

function ofKind(spans: readonly Span[], kind: Span['kind']): readonly Span[] {
  return spans.filter((span) => span.kind === kind);
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
  const { machine, countersignMs, childMs, costs, memory } = result;
  const stretches = (title: string, list: readonly Stretch[]): string => {
    const all = list.reduce((sum, { ms }) => sum + ms, 0);
    return table(
      [title, 'ms', 'share'],
      [
        ...list.map(({ name, ms }) => [name, figure(ms), `${Math.round((100 * ms) / all)} %`]),
        ['together', figure(all), ''],
      ],
    );
  };
  const steps = (title: string, list: readonly Step[]): string =>
    table(
      [title, 'ms'],
      list.map(({ text, medianMs }) => [text, figure(medianMs)]),
    );
  return [
    `${machine.cores} cores, load before: ${machine.load.join(', ')}; 8 kB durable on disk in ${figure(machine.fdatasyncMs)} ms`,
    '',
    `vote to downstream step: ${figure(countersignMs)} ms, of the bare child ${figure(childMs)} ms`,
    '',
    stretches('vote to downstream step', result.toDownstream),
    '',
    stretches('vote to its answer', result.toAnswer),
    '',
    table(
      ['medians', 'seen', 'statements', 'commits', 'ms', 'Temporal calls', 'ms'],
      costs.map((cost) => [
        cost.scope,
        cost.times,
        cost.statements,
        cost.commits,
        figure(cost.statementsMs),
        cost.calls,
        figure(cost.callsMs),
      ]),
    ),
    'What is sent together is waited for together: milliseconds of statements overlap.',
    '',
    steps('a vote', result.voteSteps),
    '',
    steps('the next step', result.nextSteps),
    '',
    table(
      ['worker memory', 'parked runs', 'kB per run'],
      memory.map(({ side, parked, kbPerRun }) => [side, parked, figure(kbPerRun)]),
    ),
  ].join('\n');
}
