import { fc } from '@fast-check/vitest';
import type { Placement } from '../../src/domain/definition.js';
import {
  type Caller,
  isIterating,
  type LedgerRun,
  type LedgerStep,
  mayTakeBack,
  type NeededStep,
  ruleOnBegin,
  ruleOnFinish,
  ruleOnRelease,
  ruleOnRunEnd,
  ruleOnTake,
} from '../../src/domain/ledger.js';
import { FOR_EACH_RUN, GATED_BLOCK_RUN, WORKFLOW_RUN } from '../../src/domain/messages.js';
import {
  isReleased,
  isStepEnded,
  type ReviewStatus,
  type RunStatus,
  type StepStatus,
} from '../../src/domain/statuses.js';

// A run in memory that does what the ledger rules, and callers who ask for anything.

const RUN_ID = 'run_1';

/** What a step is declared as. */
type Declared = {
  readonly id: string;
  readonly gate?: Placement;
  readonly needs?: readonly string[];
  readonly isRepeatable?: boolean;
  readonly isForEach?: boolean;
  /** The for_each in whose only iteration it is. */
  readonly within?: string;
  /** Where it is when the calls begin: its review is open, or its items are released. */
  readonly starts?: 'parked' | 'iterating';
};

const id = (blockId: string): string => `${RUN_ID}_${blockId}`;

/** Runs of several steps, of which each is of another kind. */
const LAYOUTS: readonly (readonly Declared[])[] = [
  [
    { id: id('a') },
    { id: id('b'), gate: 'output', needs: [id('a')], isRepeatable: true },
    { id: id('c'), gate: 'input', needs: [id('b')] },
  ],
  [
    { id: id('a'), gate: 'input' },
    { id: id('b'), gate: 'output' },
    { id: id('c'), needs: [id('a'), id('b')], isRepeatable: true },
  ],
  [
    { id: id('a'), isForEach: true, isRepeatable: true },
    { id: id('b@0'), within: id('a') },
    { id: id('c@0'), within: id('a'), gate: 'input', needs: [id('b@0')] },
  ],
  [
    { id: id('a'), isForEach: true, gate: 'output', isRepeatable: true },
    { id: id('b@0'), within: id('a'), gate: 'output' },
    { id: id('c'), needs: [id('a')] },
  ],
  [
    { id: id('a'), isForEach: true, isRepeatable: true, starts: 'iterating' },
    { id: id('b@0'), within: id('a') },
    { id: id('c@0'), within: id('a'), gate: 'input', starts: 'parked' },
  ],
  [
    { id: id('a'), gate: 'output', starts: 'parked' },
    { id: id('b'), gate: 'input', starts: 'parked' },
    { id: id('c'), needs: [id('a')] },
  ],
];

/** One thing that somebody asks for, or that happens. */
export type Call =
  | {
      readonly kind: 'take';
      readonly stepId: string;
      readonly caller: Caller;
      readonly isConfirmed: boolean;
    }
  | {
      readonly kind: 'begin';
      readonly stepId: string;
      readonly caller: Caller;
      readonly token: string;
    }
  | {
      readonly kind: 'finish';
      readonly stepId: string;
      readonly token: string;
      readonly fires: boolean;
    }
  | { readonly kind: 'take back'; readonly stepId: string; readonly token: string }
  | {
      readonly kind: 'open';
      readonly stepId: string;
      readonly caller: Caller;
      readonly fires: boolean;
    }
  | { readonly kind: 'vote'; readonly stepId: string; readonly verdict: 'APPROVED' | 'REJECTED' }
  | { readonly kind: 'release'; readonly stepId: string }
  | { readonly kind: 'lose' | 'change input' | 'drop'; readonly stepId: string }
  | { readonly kind: 'cancel' }
  | {
      readonly kind: 'end';
      readonly caller: Caller;
      readonly how: 'completed' | 'failed' | 'cancelled';
    };

/** Who should ask for a step, or did once. */
const anyOfTheirs = ({ id: stepId, gate, within, isForEach }: Declared): fc.Arbitrary<Caller> => {
  const numbered = (of: string, workflowType: string): readonly Caller[] =>
    ['1', '1', '1', '1', '2', '3'].map((name) => ({ workflowId: `${of}~${name}`, workflowType }));
  return fc.constantFrom(
    ...(gate === undefined ? [] : numbered(stepId, GATED_BLOCK_RUN)),
    ...(isForEach === true ? numbered(stepId, FOR_EACH_RUN) : []),
    ...(gate !== undefined || within === undefined ? [] : numbered(within, FOR_EACH_RUN)),
    ...(gate !== undefined || within !== undefined
      ? []
      : [{ workflowId: RUN_ID, workflowType: WORKFLOW_RUN }]),
  );
};

/** Anybody, by clever names. */
const anyStranger = ({ id: stepId }: Declared): fc.Arbitrary<Caller> => {
  const names = ['1', '2', '', '1~1', 'b~1'].map((name) => `${stepId}~${name}`);
  const named = fc.record({
    workflowId: fc.constantFrom(RUN_ID, stepId, `${RUN_ID}~1`, `${id('a')}~1`, ...names),
    workflowType: fc.constantFrom(GATED_BLOCK_RUN, FOR_EACH_RUN, WORKFLOW_RUN, 'somebodysOwn'),
  });
  return fc.oneof({ weight: 1, arbitrary: fc.constant(null) }, { weight: 9, arbitrary: named });
};

function anyCall(step: Declared): fc.Arbitrary<Call> {
  const caller = fc.oneof(
    { weight: 6, arbitrary: anyOfTheirs(step) },
    { weight: 1, arbitrary: anyStranger(step) },
  );
  const at = { stepId: fc.constant(step.id) };
  const token = fc.constantFrom('t1', 't1', 't1', 't1', 't1', 't1', 't1', 't2');
  const fires = fc.boolean();
  const isConfirmed = fc.boolean();
  const only = <Kind extends string>(kind: Kind) => ({ kind: fc.constant(kind) });
  const verdict = fc.constantFrom(
    ...Array.from({ length: 19 }, () => 'APPROVED' as const),
    'REJECTED' as const,
  );
  const how = fc.constantFrom(...(['completed', 'completed', 'failed', 'cancelled'] as const));
  const ofRun = fc.constant({ workflowId: RUN_ID, workflowType: WORKFLOW_RUN });
  const weighted: readonly fc.WeightedArbitrary<Call>[] = [
    { weight: 100, arbitrary: fc.record({ ...only('take'), ...at, caller, isConfirmed }) },
    { weight: 200, arbitrary: fc.record({ ...only('begin'), ...at, caller, token }) },
    { weight: 140, arbitrary: fc.record({ ...only('finish'), ...at, token, fires }) },
    { weight: 20, arbitrary: fc.record({ ...only('take back'), ...at, token }) },
    { weight: 100, arbitrary: fc.record({ ...only('open'), ...at, caller, fires }) },
    { weight: 100, arbitrary: fc.record({ ...only('vote'), ...at, verdict }) },
    { weight: 100, arbitrary: fc.record({ ...only('release'), ...at }) },
    { weight: 60, arbitrary: fc.record({ ...only('lose'), ...at }) },
    { weight: 10, arbitrary: fc.record({ ...only('change input'), ...at }) },
    { weight: 10, arbitrary: fc.record({ ...only('drop'), ...at }) },
    { weight: 4, arbitrary: fc.record({ ...only('cancel') }) },
    { weight: 2, arbitrary: fc.record({ ...only('end'), caller: ofRun, how }) },
    { weight: 6, arbitrary: fc.record({ ...only('end'), caller: anyStranger(step), how }) },
  ];
  return fc.oneof(...weighted);
}

/** A run of some layout, and what is asked of it. */
export type Scenario = { readonly layout: readonly Declared[]; readonly calls: readonly Call[] };

export const anyScenario: fc.Arbitrary<Scenario> = fc.constantFrom(...LAYOUTS).chain((layout) =>
  fc.record({
    layout: fc.constant(layout),
    calls: fc.array(fc.oneof(...layout.map(anyCall)), {
      minLength: 40,
      maxLength: 120,
      size: 'max',
    }),
  }),
);

/** A step as a test sees it: what the ledger did to it, apart from what the ledger believes. */
export type SeenStep = {
  readonly id: string;
  readonly gate: Placement | null;
  readonly status: StepStatus;
  readonly needs: readonly string[];
  readonly isRepeatable: boolean;
  readonly isInIteration: boolean;
  /** The workflow that may begin its block. */
  readonly runner: string | null;
  readonly holder: string | null;
  readonly replaced: ReadonlySet<string>;
  readonly latestToken: string | null;
  readonly hasResult: boolean;
  readonly isReleased: boolean;
  readonly isEnded: boolean;
  /** Whether those that need it may begin. */
  readonly isOver: boolean;
  readonly waivedFor: string | null;
  readonly hasAskedNobody: boolean;
  readonly inputNow: string;
};

export type Seen = {
  readonly status: RunStatus;
  readonly steps: ReadonlyMap<string, SeenStep>;
};

/** A call with what was ruled on it, and how the run stood before and after. */
export type Done = {
  readonly call: Call;
  readonly ruling: { readonly kind: string };
  readonly before: Seen;
  readonly after: Seen;
};

type Row = {
  readonly declared: Declared;
  status: StepStatus;
  holder: string | null;
  readonly replaced: Set<string>;
  attempt: LedgerStep['attempt'];
  hasResult: boolean;
  review: ReviewStatus | null;
  waivedInput: string | null;
  hasAskedNobody: boolean;
  inputVersion: number;
  isDropped: boolean;
  isOutcomeUnknown: boolean;
};

const NOTHING = { kind: 'nothing' } as const;

/** A run that does what the ledger rules. */
export type Replay = {
  readonly do: (call: Call) => { readonly kind: string };
  readonly look: () => Seen;
  /** Lets the child of the present execution ask for a step; says whether it gets on with it. */
  readonly rescue: (stepId: string) => string;
};

export function replay({ layout, calls }: Scenario): readonly Done[] {
  const world = aReplay(layout);
  return calls.map((call) => {
    const before = world.look();
    const ruling = world.do(call);
    return { call, ruling, before, after: world.look() };
  });
}

export function aReplay(layout: readonly Declared[]): Replay {
  let runStatus: RunStatus = layout.some(({ starts }) => starts !== undefined)
    ? 'running'
    : 'pending';
  const rows = new Map<string, Row>(
    layout.map((declared) => [
      declared.id,
      {
        declared,
        status:
          declared.starts === undefined
            ? 'pending'
            : declared.starts === 'parked'
              ? 'awaiting_review'
              : 'running',
        holder: declared.starts === undefined ? null : `${declared.id}~1`,
        replaced: new Set(),
        attempt:
          declared.starts === undefined || declared.gate === 'input'
            ? null
            : { token: 'start', isAlive: true, isFirst: true },
        hasResult: declared.starts !== undefined && declared.gate !== 'input',
        review: declared.starts === 'parked' ? 'PENDING' : null,
        waivedInput: null,
        hasAskedNobody: false,
        inputVersion: 0,
        isDropped: false,
        isOutcomeUnknown: false,
      },
    ]),
  );
  const run = (): LedgerRun => ({ id: RUN_ID, status: runStatus, isExternal: false });
  const inputOf = (row: Row): string => `input ${row.inputVersion}`;
  const parentOf = (row: Row): Row | undefined => rows.get(row.declared.within ?? '');
  const stepOf = (row: Row): LedgerStep => ({
    id: row.declared.id,
    status: row.status,
    gate: row.declared.gate ?? null,
    isForEach: row.declared.isForEach === true,
    isRepeatable: row.declared.isRepeatable === true,
    iteratedBy: parentOf(row)?.holder ?? null,
    isInIteration: row.declared.within !== undefined,
    holder: row.holder,
    attempt: row.attempt,
    hasResult: row.hasResult,
    isOutcomeUnknown: row.isOutcomeUnknown,
    review: row.review,
    waivedInput: row.waivedInput,
    isDropped: row.isDropped,
  });
  const needsOf = ({ declared }: Row): readonly NeededStep[] =>
    (declared.needs ?? []).map((needed) => ({
      id: needed,
      status: rows.get(needed)?.status ?? 'pending',
    }));
  /** Steps of an iteration are there once the items of their for_each are released. */
  const find = (stepId: string): Row | null => {
    const row = rows.get(stepId);
    const parent = row === undefined ? undefined : parentOf(row);
    const isWritten =
      row !== undefined &&
      (parent === undefined || (isIterating(stepOf(parent)) && parent.holder !== null));
    return isWritten || (row !== undefined && row.status !== 'pending') ? row : null;
  };

  const completeIfDone = (): void => {
    const outside = [...rows.values()].filter((row) => row.declared.within === undefined);
    const isDone = outside.every(({ status }) => status === 'completed' || status === 'skipped');
    if (isDone && (runStatus === 'running' || runStatus === 'pending')) {
      runStatus = 'completed';
    }
  };
  const complete = (row: Row): void => {
    if (row.review !== null) {
      row.review = 'EXECUTED';
    }
    if (row.declared.isForEach === true) {
      row.status = 'running';
      row.holder = null;
      return;
    }
    row.status = 'completed';
    completeIfDone();
  };
  const markRunning = (): void => {
    runStatus = runStatus === 'pending' ? 'running' : runStatus;
  };
  const release = (row: Row): { readonly kind: string } => {
    if (row.review === null) {
      return NOTHING;
    }
    const review = {
      status: row.review,
      policy: { release: 'auto' as const },
      isReleaseRequested: false,
      decidedAtMs: 0,
      timeWindow: null,
    };
    const ruling = ruleOnRelease(run(), { status: row.status }, review, 0);
    if (ruling.kind === 'release') {
      row.review = 'PROCESSING';
      if (row.declared.gate === 'output') {
        complete(row);
      }
    }
    return ruling;
  };
  const closeSteps = (): void => {
    for (const row of rows.values()) {
      if (isStepEnded(row.status)) {
        continue;
      }
      row.isOutcomeUnknown = row.review === 'PROCESSING';
      row.status = row.isOutcomeUnknown ? 'error' : 'cancelled';
    }
  };

  const take = (row: Row, caller: Caller, isConfirmed: boolean): { readonly kind: string } => {
    const wasReplaced = caller !== null && row.replaced.has(caller.workflowId);
    const asked = { caller, wasReplaced, isConfirmed };
    const ruling = ruleOnTake(run(), stepOf(row), needsOf(row), asked);
    if (ruling.kind === 'take') {
      if (row.holder !== null) {
        row.replaced.add(row.holder);
      }
      row.holder = caller?.workflowId ?? '';
      markRunning();
    }
    return ruling;
  };
  const begin = (row: Row, caller: Caller, attemptToken: string): { readonly kind: string } => {
    const inputHash = row.declared.gate === 'input' && row.review === null ? inputOf(row) : null;
    const asked = { caller, attemptToken, inputHash };
    const ruling = ruleOnBegin(run(), stepOf(row), needsOf(row), asked);
    switch (ruling.kind) {
      case 'begin':
        row.attempt = {
          token: attemptToken,
          isAlive: true,
          isFirst: ruling.isRepeat ? row.attempt?.isFirst === true : row.attempt === null,
        };
        row.status = 'running';
        markRunning();
        break;
      case 'lost':
        row.status = 'error';
        row.isOutcomeUnknown = true;
        break;
      case 'dropped':
        row.status = 'skipped';
        break;
      default:
        break;
    }
    return ruling;
  };
  const finish = (row: Row, token: string, fires: boolean): { readonly kind: string } => {
    const ruling = ruleOnFinish(run(), stepOf(row), token);
    if (ruling === 'store') {
      row.hasResult = true;
      if (row.declared.gate === 'output' && fires) {
        row.review = 'PENDING';
        row.status = 'awaiting_review';
      } else {
        row.hasAskedNobody = row.declared.gate === 'output';
        complete(row);
      }
    }
    return { kind: ruling };
  };
  const takeBack = (row: Row, token: string): { readonly kind: string } => {
    if (!mayTakeBack(stepOf(row), token)) {
      return NOTHING;
    }
    row.status = 'pending';
    row.attempt = null;
    return { kind: 'taken back' };
  };
  /** What the gate of an input finds: a review is opened, or nobody need be asked for this input. */
  const open = (row: Row, caller: Caller, fires: boolean): { readonly kind: string } => {
    const isTheirs = row.holder !== null && row.holder === caller?.workflowId;
    const isClosed = runStatus !== 'running' || isStepEnded(row.status) || row.review !== null;
    if (row.declared.gate !== 'input' || !isTheirs || isClosed) {
      return NOTHING;
    }
    if (fires) {
      row.review = 'PENDING';
      row.status = 'awaiting_review';
    } else {
      row.waivedInput = inputOf(row);
    }
    return { kind: 'opened' };
  };
  const vote = (row: Row, verdict: 'APPROVED' | 'REJECTED'): void => {
    if (row.review === 'PENDING' && runStatus === 'running') {
      row.review = verdict;
      if (verdict === 'REJECTED') {
        cancel();
      }
    }
  };
  const cancel = (): void => {
    if (runStatus !== 'running' && runStatus !== 'pending') {
      return;
    }
    for (const row of rows.values()) {
      row.review = row.review === 'PENDING' || row.review === 'APPROVED' ? 'REVOKED' : row.review;
    }
    const hasBegun = runStatus === 'running';
    runStatus = hasBegun ? 'cancelling' : 'cancelled';
    if (!hasBegun) {
      closeSteps();
    }
  };
  const end = (caller: Caller, how: 'completed' | 'failed' | 'cancelled') => {
    const openSteps = [...rows.values()]
      .filter(({ declared }) => declared.within === undefined)
      .filter(({ status }) => status !== 'completed' && status !== 'skipped')
      .map(({ declared }) => declared.id);
    const asked = how === 'failed' ? { kind: how, stepId: id('a') } : { kind: how };
    const ruling = ruleOnRunEnd(run(), asked, openSteps, caller);
    if (ruling.kind === 'end') {
      const isCancelled = runStatus === 'cancelling' || how === 'cancelled';
      runStatus = isCancelled ? 'cancelled' : how === 'failed' ? 'error' : 'completed';
      if (runStatus !== 'completed') {
        closeSteps();
      }
    }
    return ruling;
  };

  const perform = (call: Call): { readonly kind: string } => {
    if (call.kind === 'cancel') {
      cancel();
      return NOTHING;
    }
    if (call.kind === 'end') {
      return end(call.caller, call.how);
    }
    const row = find(call.stepId);
    if (row === null) {
      return NOTHING;
    }
    switch (call.kind) {
      case 'take':
        return take(row, call.caller, call.isConfirmed);
      case 'begin':
        return begin(row, call.caller, call.token);
      case 'finish':
        return finish(row, call.token, call.fires);
      case 'take back':
        return takeBack(row, call.token);
      case 'open':
        return open(row, call.caller, call.fires);
      case 'vote':
        vote(row, call.verdict);
        return NOTHING;
      case 'release':
        return release(row);
      case 'lose':
        row.attempt = row.attempt === null ? null : { ...row.attempt, isAlive: false };
        return NOTHING;
      case 'change input':
        row.inputVersion += row.attempt === null ? 1 : 0;
        return NOTHING;
      case 'drop':
        row.isDropped ||= row.declared.within !== undefined;
        return NOTHING;
    }
  };

  const see = (row: Row): SeenStep => {
    const { declared } = row;
    const gate = declared.gate ?? null;
    return {
      id: declared.id,
      gate,
      status: row.status,
      needs: declared.needs ?? [],
      isRepeatable: declared.isRepeatable === true,
      isInIteration: declared.within !== undefined,
      runner:
        gate === null
          ? declared.within === undefined
            ? RUN_ID
            : (parentOf(row)?.holder ?? null)
          : row.holder,
      holder: row.holder,
      replaced: new Set(row.replaced),
      latestToken: row.attempt?.token ?? null,
      hasResult: row.hasResult,
      isReleased: row.review !== null && isReleased(row.review),
      isEnded: isStepEnded(row.status),
      isOver: row.status === 'completed' || row.status === 'skipped',
      waivedFor: row.waivedInput,
      hasAskedNobody: row.hasAskedNobody,
      inputNow: inputOf(row),
    };
  };

  return {
    do: perform,
    look: () => ({
      status: runStatus,
      steps: new Map([...rows].map(([stepId, row]) => [stepId, see(row)])),
    }),
    rescue: (stepId) => {
      const row = find(stepId);
      if (row === null || isStepEnded(row.status)) {
        return 'gets on';
      }
      const isLoop = isIterating(stepOf(row));
      const type = isLoop ? FOR_EACH_RUN : GATED_BLOCK_RUN;
      const present = { workflowId: `${stepId}~present`, workflowType: type };
      if (isLoop || row.declared.gate !== undefined) {
        const taken = take(row, present, true);
        if (taken.kind !== 'take') {
          return isExcused(taken, runStatus) ? 'gets on' : `cannot take it: ${taken.kind}`;
        }
        if (row.holder !== present.workflowId) {
          return 'does not hold it';
        }
      }
      if (isLoop || row.hasResult || (row.declared.gate === 'input' && !see(row).isReleased)) {
        return 'gets on';
      }
      const within = { workflowId: see(row).runner ?? '', workflowType: FOR_EACH_RUN };
      const ofRun = { workflowId: RUN_ID, workflowType: WORKFLOW_RUN };
      const runner =
        row.declared.gate === undefined
          ? row.declared.within === undefined
            ? ofRun
            : within
          : present;
      const begun = begin(row, runner, 'present');
      const isFine = ['begin', 'busy', 'lost', 'dropped'].includes(begun.kind);
      return isFine || isExcused(begun, runStatus) ? 'gets on' : `cannot begin it: ${begun.kind}`;
    },
  };
}

/** What it needs has not ended, or its run does not go on. */
function isExcused(ruling: { readonly kind: string }, status: RunStatus): boolean {
  return ruling.kind === 'blocked' || (ruling.kind === 'ended' && status !== 'running');
}
