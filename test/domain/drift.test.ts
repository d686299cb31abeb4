import { describe, expect, test } from 'vitest';
import {
  type Execution,
  isSafeUnattended,
  judgeRun,
  type OpenGate,
  type Remedy,
  type Sightings,
  type UnendedRun,
  workflowsOf,
} from '../../src/domain/drift.js';

const SETTLING_MS = 5_000;
const NOW = Date.parse('2026-03-02T10:00:00Z');

const running: Execution = {
  state: 'running',
  execution: 'e-1',
  isBusy: false,
  isCancelRequested: false,
  historyLength: 12,
};
const busy: Execution = { ...running, isBusy: true };
const stopping: Execution = { ...running, isCancelRequested: true };
const closed: Execution = { ...running, state: 'closed', execution: 'e-0' };
const missing: Execution = { ...running, state: 'missing', execution: null };

const gate: OpenGate = {
  stepId: 'run_1_pay',
  holder: 'run_1_pay~a',
  iterates: false,
  reviewId: 'rev_1',
  reviewStatus: 'PENDING',
  seq: 0,
  isNewsOwed: false,
  release: 'auto',
  onReject: 'cancel_run',
  timeWindow: null,
  isReleaseRequested: false,
  decidedAgoMs: null,
  newestFactAgoMs: null,
};
const run: UnendedRun = {
  id: 'run_1',
  projectId: 'prj_default',
  workflowId: 'invoices',
  status: 'running',
  createdAt: new Date(NOW - 60_000),
  isStartOwed: false,
  isCancelOwed: false,
  gates: [gate],
  external: null,
};
const loop: OpenGate = { ...gate, stepId: 'run_1_each', holder: 'run_1_each~b', iterates: true };

/** What is found, as its code and the kind of its remedy. */
function found(of: UnendedRun, seen: Readonly<Record<string, Execution | string>>): string[] {
  const sightings: Sightings = new Map(Object.entries(seen));
  return judgeRun(of, sightings, SETTLING_MS, NOW).map(
    ({ code, remedy }) => `${code} → ${remedy?.kind ?? 'a person'}`,
  );
}

const REPLACE = ['GATE_GONE → replace_execution'];

describe('a gate that is gone while its run goes on', () => {
  test.each<[when: string, own: Execution | string, other: Execution | string, is: string[]]>([
    ['has ended, and its run rests', running, closed, REPLACE],
    ['is unknown to Temporal, and its run rests', running, missing, REPLACE],
    ['has ended, and its run is at work: it may hear of that', busy, closed, []],
    ['is there', running, running, []],
    ['is not known to be there', running, 'it timed out', ['COULD_NOT_ASK → a person']],
    ['has ended, and its run with it', closed, closed, ['RUN_GONE → restart_run']],
    ['has ended, and of its run nothing is known', 'away', closed, ['COULD_NOT_ASK → a person']],
  ])('%s', (_, own, other, is) => {
    expect(found(run, { run_1: own, [gate.holder]: other })).toEqual(is);
  });

  test.each<[what: string, iterations: Execution, is: string[]]>([
    ['at work', busy, []],
    ['at rest', running, REPLACE],
  ])('is left to the iterations of its run that are %s', (_, iterations, is) => {
    const looping = { ...run, gates: [loop, gate] };
    const seen = { run_1: running, [loop.holder]: iterations, [gate.holder]: missing };
    expect(found(looping, seen)).toEqual(is);
  });

  test('names the one execution that is replaced, and how far it has got', () => {
    const sightings = new Map([
      ['run_1', running],
      [gate.holder, missing],
    ]);
    expect(judgeRun(run, sightings, SETTLING_MS, NOW)).toEqual([
      {
        code: 'GATE_GONE',
        runId: 'run_1',
        reviewId: 'rev_1',
        message:
          "Step run_1_pay waits for workflow 'run_1_pay~a', which does not exist in Temporal, and its run's workflow does not notice: that can be replaced, and the ledger keeps what was done.",
        remedy: {
          kind: 'replace_execution',
          runId: 'run_1',
          workflowId: 'invoices',
          execution: 'e-1',
          historyLength: 12,
          stepId: 'run_1_pay',
          holder: 'run_1_pay~a',
        },
      },
    ]);
  });
});

describe('a run that an author’s own workflow opened', () => {
  const holder = 'review~a';
  const opened: UnendedRun = {
    ...run,
    gates: [{ ...gate, holder }],
    external: { workflowId: 'theirs', holder, reviewId: 'rev_1', isStepEnded: false },
  };
  const done: UnendedRun = {
    ...opened,
    gates: [],
    external: { workflowId: 'theirs', holder, reviewId: 'rev_1', isStepEnded: true },
  };
  const cancelling: UnendedRun = { ...opened, status: 'cancelling' };
  const END = ['GATE_GONE → end_external_run'];
  const SAY_GATE = ['GATE_GONE → a person'];
  const SAY_RUN = ['RUN_GONE → a person'];

  test.each<
    [what: string, of: UnendedRun, seenGate: Execution | string, theirs: Execution, is: string[]]
  >([
    ['done, its gate ended', done, closed, running, END],
    ['done, its gate unknown to Temporal', done, missing, missing, END],
    ['done, its gate still there: that ends it', done, running, running, []],
    ['done, its gate not known to be gone', done, 'away', running, ['COULD_NOT_ASK → a person']],
    ['waiting, its gate ended', opened, closed, running, SAY_GATE],
    ['waiting, its author ended', opened, running, closed, SAY_RUN],
    ['waiting, its author ended, its gate about to hear', opened, busy, closed, []],
    ['waiting, its author ended, its gate asked to stop', opened, stopping, closed, []],
    ['waiting, both ended', opened, closed, closed, SAY_RUN],
    ['waiting, both there', opened, running, running, []],
    [
      'cancelled, its gate ended',
      cancelling,
      closed,
      running,
      ['CANCEL_UNSETTLED → end_cancelled_run'],
    ],
    [
      'cancelled, its gate not told',
      cancelling,
      running,
      running,
      ['CANCEL_UNHEARD → cancel_again'],
    ],
    ['cancelled, its gate told', cancelling, stopping, running, []],
  ])('%s', (_, of, seenGate, theirs, is) => {
    expect(workflowsOf(of)).toEqual([holder, 'theirs']);
    expect(found(of, { [holder]: seenGate, theirs })).toEqual(is);
  });
});

test('nothing is asked or said of a run whose start is owed', () => {
  const owed = { ...run, isStartOwed: true };
  expect(workflowsOf(owed)).toEqual([]);
  expect(found(owed, {})).toEqual([]);
});

test('unattended nothing is started, and nothing is sent that had failed', () => {
  const about = { runId: 'run_1', workflowId: 'w', execution: 'e' };
  const news = { reviewId: 'rev_1', seq: 1 };
  const remedies: readonly Remedy[] = [
    { kind: 'restart_run', ...about },
    { kind: 'replace_execution', ...about, historyLength: 1, stepId: 's', holder: 'h' },
    { kind: 'owe_again', messageId: '1' },
    { kind: 'end_cancelled_run', runId: 'run_1' },
    { kind: 'end_external_run', runId: 'run_1' },
    { kind: 'cancel_again', ...about },
    { kind: 'cancel_orphan', ...about },
    { kind: 'owe_review_again', runId: 'run_1', ...news },
    { kind: 'tell_ended', ...about, ...news },
  ];
  expect(remedies.filter(isSafeUnattended).map(({ kind }) => kind)).toEqual([
    'end_cancelled_run',
    'end_external_run',
    'cancel_again',
    'cancel_orphan',
    'owe_review_again',
    'tell_ended',
  ]);
});
