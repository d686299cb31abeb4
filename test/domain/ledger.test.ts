import { describe, expect, test } from 'vitest';
import {
  type Caller,
  endOfStep,
  holderSeenBy,
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
import type { RunEnd } from '../../src/domain/orders.js';
import {
  isReleased,
  REVIEW_STATUSES,
  type ReviewStatus,
  RUN_STATUSES,
  type RunStatus,
  STEP_STATUSES,
  type StepStatus,
} from '../../src/domain/statuses.js';

const RUN: LedgerRun = { id: 'run_1', status: 'running', isExternal: false };
const STEP: LedgerStep = {
  id: 'run_1_a',
  status: 'pending',
  gate: null,
  isForEach: false,
  isRepeatable: false,
  iteratedBy: null,
  isInIteration: false,
  holder: null,
  attempt: null,
  hasResult: false,
  isOutcomeUnknown: false,
  review: null,
  waivedInput: null,
  isDropped: false,
};
const OF_RUN = { workflowId: 'run_1', workflowType: WORKFLOW_RUN };
const GATE = { workflowId: 'run_1_a~1', workflowType: GATED_BLOCK_RUN };
const OTHER_GATE = { workflowId: 'run_1_a~2', workflowType: GATED_BLOCK_RUN };
const LOOP = { workflowId: 'run_1_a~1', workflowType: FOR_EACH_RUN };

/** A step behind a gate, held by `GATE`. */
const held = (about: Partial<LedgerStep>): LedgerStep => ({
  ...STEP,
  gate: 'input',
  holder: GATE.workflowId,
  ...about,
});
const iterating: LedgerStep = { ...STEP, isForEach: true, status: 'running', hasResult: true };
const attempt = (isAlive: boolean, isFirst = true) => ({ token: 'before', isAlive, isFirst });
const needing = (status: StepStatus): readonly NeededStep[] => [
  { id: 'run_1_x', status: 'completed' },
  { id: 'run_1_y', status },
];

/** What came of a request, in a word and what it names. */
function brief(ruling: object): string {
  return Object.entries(ruling)
    .map(([, value]) => (Array.isArray(value) ? value.join('+') : String(value)))
    .join(' ');
}

describe('ruleOnBegin', () => {
  const begin = (
    about: {
      readonly run?: Partial<LedgerRun>;
      readonly step?: Partial<LedgerStep>;
      readonly needs?: readonly NeededStep[];
      readonly caller?: Caller;
      readonly inputHash?: string | null;
      readonly token?: string;
    } = {},
  ): string => {
    const { caller = OF_RUN, inputHash = null, token = 'now' } = about;
    const asked = { caller, attemptToken: token, inputHash };
    return brief(
      ruleOnBegin({ ...RUN, ...about.run }, { ...STEP, ...about.step }, about.needs ?? [], asked),
    );
  };

  const ended: Partial<Record<StepStatus, string>> = {
    completed: 'completed',
    skipped: 'skipped',
    error: 'failed',
    cancelled: 'stopped',
  };
  test.each(STEP_STATUSES)('of a step that is %s', (status) => {
    const end = ended[status];
    for (const caller of [OF_RUN, GATE, null]) {
      const isTheirs = caller === OF_RUN;
      expect(begin({ step: { status }, caller })).toBe(
        end === undefined ? (isTheirs ? 'begin false' : 'not_theirs') : `ended ${end}`,
      );
    }
  });

  const going: readonly RunStatus[] = ['pending', 'running'];
  test.each(RUN_STATUSES)('in a run that is %s is for what was released, at most', (status) => {
    const isGoing = going.includes(status);
    expect(begin({ run: { status } })).toBe(isGoing ? 'begin false' : 'ended stopped');
    const released = held({ review: 'PROCESSING', status: 'awaiting_review' });
    expect(begin({ run: { status }, step: released, caller: GATE })).toBe('begin false');
    const waived = held({ waivedInput: 'h' });
    expect(begin({ run: { status }, step: waived, caller: GATE, inputHash: 'h' })).toBe(
      isGoing ? 'begin false' : 'ended stopped',
    );
  });

  test.each(STEP_STATUSES)('behind a step that is %s', (status) => {
    const isOver = status === 'completed' || status === 'skipped';
    for (const [step, caller] of [
      [STEP, OF_RUN],
      [held({ review: 'PROCESSING' }), GATE],
    ] as const) {
      expect(begin({ step, caller, needs: needing(status) })).toBe(
        isOver ? 'begin false' : 'blocked run_1_y',
      );
    }
  });

  test.each(REVIEW_STATUSES)('of a block whose input has a review that is %s', (review) => {
    const step = held({ review, waivedInput: 'h' });
    // Nothing that was waived counts once there is a review.
    expect(begin({ step, caller: GATE, inputHash: 'h' })).toBe(
      isReleased(review) ? 'begin false' : 'ended stopped',
    );
  });

  test.each<[string, string | null, string | null, string]>([
    ['nothing is waived', null, 'h', 'ended stopped'],
    ['nothing is waived and nothing known', null, null, 'ended stopped'],
    ['another input is waived', 'g', 'h', 'ended stopped'],
    ['an input is waived, and this one unknown', 'h', null, 'ended stopped'],
    ['this very input is waived', 'h', 'h', 'begin false'],
  ])('of a block with a gate on its input where %s', (_, waivedInput, inputHash, then) => {
    expect(begin({ step: held({ waivedInput }), caller: GATE, inputHash })).toBe(then);
  });

  test.each<[string, Partial<LedgerStep>, Caller, string]>([
    ['the run’s own block', {}, OF_RUN, 'begin false'],
    ['the run’s own block', {}, null, 'not_theirs'],
    ['the run’s own block', {}, GATE, 'not_theirs'],
    ['the run’s own block', {}, { ...OF_RUN, workflowType: 'x' }, 'not_theirs'],
    ['a gated block', held({ gate: 'output' }), GATE, 'begin false'],
    ['a gated block', held({ gate: 'output' }), OF_RUN, 'not_theirs'],
    ['a gated block', held({ gate: 'output' }), OTHER_GATE, 'ended superseded'],
    ['a gated block', held({ gate: 'output' }), null, 'not_theirs'],
    [
      'a gated block that nobody holds',
      held({ gate: 'output', holder: null }),
      GATE,
      'ended superseded',
    ],
    [
      'a gated block that nobody holds',
      held({ gate: 'output', holder: null }),
      OF_RUN,
      'not_theirs',
    ],
    [
      'a block of an iteration',
      { isInIteration: true, iteratedBy: 'l' },
      { ...LOOP, workflowId: 'l' },
      'begin false',
    ],
    ['a block of an iteration', { isInIteration: true, iteratedBy: 'l' }, OF_RUN, 'not_theirs'],
    ['a block of an iteration that nobody runs', { isInIteration: true }, LOOP, 'not_theirs'],
    ['a block of an iteration that nobody runs', { isInIteration: true }, null, 'not_theirs'],
  ])('of %s (%j) by %j: %s', (_, step, caller, then) => {
    expect(begin({ step, caller })).toBe(then);
  });

  test.each<[string, Partial<LedgerStep>, string, string]>([
    ['alive, not repeatable', { attempt: attempt(true) }, 'now', 'busy'],
    ['lost, not repeatable', { attempt: attempt(false) }, 'now', 'lost'],
    ['alive, repeatable', { attempt: attempt(true), isRepeatable: true }, 'now', 'begin false'],
    ['lost, repeatable', { attempt: attempt(false), isRepeatable: true }, 'now', 'begin false'],
    ['the same, alive', { attempt: attempt(true) }, 'before', 'begin true'],
    ['the same, lost', { attempt: attempt(false) }, 'before', 'begin true'],
    ['none, dropped', { isDropped: true }, 'now', 'dropped'],
    ['lost, not repeatable, dropped', { attempt: attempt(false), isDropped: true }, 'now', 'lost'],
  ])('after an attempt that is %s', (_, about, token, then) => {
    expect(begin({ step: { ...about, status: 'running' }, token })).toBe(then);
  });

  test('of what was released goes on in an iteration that was dropped', () => {
    const step = held({ review: 'PROCESSING', isDropped: true });
    expect(begin({ step, caller: GATE })).toBe('begin false');
  });

  test('behind a result that waits for people is nobody’s: another attempt came first', () => {
    const step = held({ gate: 'output', hasResult: true, review: 'PENDING', isRepeatable: true });
    expect(begin({ step, caller: GATE })).toBe('busy');
  });

  test('of a for_each whose items are released says that its part is done', () => {
    expect(begin({ step: iterating })).toBe('ended completed');
  });
});

describe('ruleOnTake', () => {
  const take = (
    step: LedgerStep,
    about: {
      readonly run?: Partial<LedgerRun>;
      readonly needs?: readonly NeededStep[];
      readonly caller?: Caller;
      readonly wasReplaced?: boolean;
      readonly isConfirmed?: boolean;
    } = {},
  ): string => {
    const { caller = GATE, wasReplaced = false, isConfirmed = false } = about;
    const asked = { caller, wasReplaced, isConfirmed };
    return brief(ruleOnTake({ ...RUN, ...about.run }, step, about.needs ?? [], asked));
  };
  const free = held({ holder: null });

  test('of a free step is for whoever comes first, of a held one for whom Temporal confirms', () => {
    expect(take(free)).toBe('take');
    expect(take(held({}))).toBe('held');
    expect(take(held({}), { caller: OTHER_GATE })).toBe('verify');
    expect(take(held({}), { caller: OTHER_GATE, isConfirmed: true })).toBe('take');
    expect(take(iterating, { caller: LOOP })).toBe('take');
  });

  test('by one that was replaced is refused, confirmed or not', () => {
    for (const isConfirmed of [false, true]) {
      const asked = { caller: OTHER_GATE, wasReplaced: true, isConfirmed };
      expect(take(held({}), asked)).toBe('ended superseded');
      expect(take(free, asked)).toBe('ended superseded');
    }
  });

  test.each<[string, LedgerStep, Caller]>([
    ['nobody', free, null],
    ['the run itself', free, OF_RUN],
    ['the gate of another step', free, { ...GATE, workflowId: 'run_1_ab~1' }],
    ['a gate that is named like the step', free, { ...GATE, workflowId: 'run_1_a' }],
    ['a loop, of a step whose items are not released', free, LOOP],
    ['a gate, of a step without one', STEP, GATE],
    ['a gate of another run’s step', free, { ...GATE, workflowId: 'run_2_a~1' }],
    ['the gate of an author’s workflow', free, { ...GATE, workflowId: 'review~1' }],
    ['the run itself, of a for_each', iterating, OF_RUN],
    ['somebody’s own workflow, of a for_each', iterating, { ...LOOP, workflowType: 'x' }],
  ])('by %s is refused, confirmed or not', (_, step, caller) => {
    expect(take(step, { caller })).toBe('not_theirs');
    expect(take(step, { caller, isConfirmed: true })).toBe('not_theirs');
  });

  test('of an author’s review has to be confirmed each time, also when nobody holds it', () => {
    const run = { isExternal: true };
    const caller = { ...GATE, workflowId: 'review~1' };
    expect(take(free, { run, caller })).toBe('verify');
    expect(take(free, { run, caller, isConfirmed: true })).toBe('take');
    expect(take(free, { run, caller: GATE, isConfirmed: true })).toBe('not_theirs');
  });

  test.each(RUN_STATUSES)('in a run that is %s', (status) => {
    const isGoing = status === 'running' || status === 'pending';
    expect(take(free, { run: { status } })).toBe(isGoing ? 'take' : 'ended stopped');
    expect(take({ ...free, review: 'PROCESSING' }, { run: { status } })).toBe('take');
    expect(take({ ...iterating, review: 'EXECUTED' }, { run: { status }, caller: LOOP })).toBe(
      isGoing ? 'take' : 'ended stopped',
    );
  });

  test('waits for what the step needs, and says how one that has ended did', () => {
    expect(take(free, { needs: needing('awaiting_review') })).toBe('blocked run_1_y');
    expect(take(held({ status: 'error', isOutcomeUnknown: true }))).toBe('ended unknown');
    expect(take({ ...iterating, gate: 'output' }, { isConfirmed: true })).toBe('ended completed');
  });
});

test.each<[string | null, Caller, string]>([
  [null, GATE, 'nobodys'],
  [null, null, 'nobodys'],
  [GATE.workflowId, GATE, 'mine'],
  [GATE.workflowId, OTHER_GATE, 'anothers'],
  [GATE.workflowId, null, 'anothers'],
])('a step held by %j is for %j %s', (holder, caller, then) => {
  expect(holderSeenBy({ holder }, caller)).toBe(then);
});

describe('ruleOnFinish', () => {
  const running: LedgerStep = { ...STEP, status: 'running', attempt: attempt(true) };

  test.each(RUN_STATUSES)('in a run that is %s', (status) => {
    const isKept = ['pending', 'running', 'error'].includes(status);
    const run = { ...RUN, status };
    expect(ruleOnFinish(run, running, 'before')).toBe(isKept ? 'store' : 'stopped');
    expect(ruleOnFinish(run, { ...running, review: 'PROCESSING' }, 'before')).toBe('store');
  });

  test.each<[string, LedgerStep, string]>([
    ['of another attempt', running, 'other'],
    ['of a step that was never begun', STEP, 'before'],
    ['of a step that has a result', { ...running, hasResult: true }, 'before'],
    ...(['completed', 'error', 'skipped', 'cancelled'] as const).map(
      (status): [string, LedgerStep, string] => [
        `of a step that is ${status}`,
        { ...running, status },
        'before',
      ],
    ),
  ])('%s is late', (_, step, token) => {
    expect(ruleOnFinish(RUN, step, token)).toBe('late');
  });
});

describe('mayTakeBack', () => {
  const begun: LedgerStep = { ...STEP, status: 'running', attempt: attempt(true) };

  test.each<[string, LedgerStep, string, boolean]>([
    ['the latest attempt', begun, 'before', true],
    ['one that is taken for lost', { ...begun, attempt: attempt(false) }, 'before', true],
    ['another attempt', begun, 'other', false],
    ['an attempt at what may be repeated', { ...begun, isRepeatable: true }, 'before', true],
    ['one behind others', { ...begun, attempt: attempt(true, false) }, 'before', false],
    ['an attempt that has answered', { ...begun, hasResult: true }, 'before', false],
    ...(['completed', 'error', 'skipped', 'cancelled'] as const).map(
      (status): [string, LedgerStep, string, boolean] => [
        `an attempt of a step that is ${status}`,
        { ...begun, status },
        'before',
        false,
      ],
    ),
  ])('of %s', (_, step, token, may) => {
    expect(mayTakeBack(step, token)).toBe(may);
  });
});

describe('ruleOnRelease', () => {
  const approved = {
    status: 'APPROVED' as ReviewStatus,
    policy: { release: 'auto' as const },
    isReleaseRequested: false,
    decidedAtMs: 1_000,
    timeWindow: null,
  };
  const at = (nowMs: number, about: Partial<Parameters<typeof ruleOnRelease>[2]>): string =>
    brief(ruleOnRelease(RUN, { status: 'awaiting_review' }, { ...approved, ...about }, nowMs));

  test.each(REVIEW_STATUSES)('of a review that is %s', (status) => {
    expect(at(0, { status })).toBe(status === 'APPROVED' ? 'release' : 'no');
  });

  test.each(RUN_STATUSES)('in a run that is %s', (status) => {
    const ruling = ruleOnRelease({ ...RUN, status }, { status: 'awaiting_review' }, approved, 0);
    expect(ruling.kind).toBe(status === 'running' ? 'release' : 'no');
  });

  test.each(STEP_STATUSES)('of a step that is %s', (status) => {
    const isOpen = ['pending', 'running', 'awaiting_review'].includes(status);
    expect(ruleOnRelease(RUN, { status }, approved, 0).kind).toBe(isOpen ? 'release' : 'no');
  });

  test('waits for the word of its owner, or for the time to undo, to the millisecond', () => {
    expect(at(0, { policy: { release: 'manual' } })).toBe('by_hand');
    expect(at(0, { policy: { release: 'manual' }, isReleaseRequested: true })).toBe('release');
    const policy = { release: { afterMs: 500 } };
    expect(at(1_000, { policy })).toBe('wait 500');
    expect(at(1_499, { policy })).toBe('wait 1');
    expect(at(1_500, { policy })).toBe('release');
  });
});

describe('ruleOnRunEnd', () => {
  const completed: RunEnd = { kind: 'completed' };
  const ends: readonly RunEnd[] = [
    completed,
    { kind: 'failed', stepId: 'run_1_a' },
    { kind: 'cancelled' },
  ];

  test.each(RUN_STATUSES)('of a run that is %s', (status) => {
    const hasEnded = ['completed', 'error', 'cancelled'].includes(status);
    for (const end of ends) {
      for (const open of [[], ['run_1_a']]) {
        const isBlocked = end.kind === 'completed' && open.length > 0 && status !== 'cancelling';
        expect(brief(ruleOnRunEnd({ ...RUN, status }, end, open, OF_RUN))).toBe(
          hasEnded ? 'ended' : isBlocked ? 'blocked run_1_a' : 'end',
        );
      }
    }
  });

  test.each<[Caller]>([
    [null],
    [GATE],
    [{ ...OF_RUN, workflowType: 'x' }],
    [{ ...OF_RUN, workflowId: 'run_2' }],
  ])('by %j is refused', (caller) => {
    for (const end of ends) {
      expect(brief(ruleOnRunEnd(RUN, end, [], caller))).toBe('not_theirs');
    }
  });

  test('of an author’s review is not for a workflow that takes the run’s id as its name', () => {
    const external = { ...RUN, isExternal: true };
    for (const end of ends) {
      expect(brief(ruleOnRunEnd(external, end, [], OF_RUN))).toBe('not_theirs');
    }
  });
});

test.each<[StepStatus, boolean, string]>([
  ['completed', false, 'completed'],
  ['running', false, 'completed'],
  ['skipped', false, 'skipped'],
  ['error', false, 'failed'],
  ['error', true, 'unknown'],
  ['cancelled', false, 'stopped'],
  ['pending', false, 'stopped'],
  ['awaiting_review', false, 'stopped'],
])('a step that is %s (outcome unknown: %j) has come to %s', (status, isOutcomeUnknown, end) => {
  expect(endOfStep({ status, isOutcomeUnknown })).toBe(end);
});
