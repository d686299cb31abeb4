import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { anyScenario, aReplay, replay } from './ledger-scenarios.js';

const RUNS = { numRuns: 300 };

describe('a run, whoever asks for what of it and in whatever order', () => {
  test.prop([anyScenario], RUNS)(
    'begins no gated block that was not released, or waived for exactly its input',
    (scenario) => {
      for (const { call, ruling, before } of replay(scenario)) {
        const step = before.steps.get('stepId' in call ? call.stepId : '');
        if (ruling.kind === 'begin' && step?.gate === 'input') {
          expect(step.isReleased || step.waivedFor === step.inputNow).toBe(true);
        }
        if (ruling.kind === 'begin' && step?.gate === 'output') {
          expect(step.hasResult).toBe(false);
        }
      }
    },
  );

  test.prop([anyScenario], RUNS)(
    'begins a block only for the workflow that runs it',
    (scenario) => {
      for (const { call, ruling, before } of replay(scenario)) {
        if (ruling.kind === 'begin' && call.kind === 'begin') {
          const step = before.steps.get(call.stepId);
          expect(call.caller?.workflowId).toBe(step?.runner);
        }
      }
    },
  );

  test.prop([anyScenario], RUNS)(
    'begins and hands out nothing before what it needs has ended',
    (scenario) => {
      for (const { call, ruling, before } of replay(scenario)) {
        if ((ruling.kind === 'begin' || ruling.kind === 'take') && 'stepId' in call) {
          const needs = before.steps.get(call.stepId)?.needs ?? [];
          const open = needs.filter((id) => !before.steps.get(id)?.isOver);
          expect(open).toEqual([]);
        }
      }
    },
  );

  test.prop([anyScenario], RUNS)(
    'begins nothing in a run that does not go on, but for what was released',
    (scenario) => {
      for (const { call, ruling, before } of replay(scenario)) {
        if (ruling.kind === 'begin' && 'stepId' in call) {
          const isReleased = before.steps.get(call.stepId)?.isReleased === true;
          expect(isReleased || ['pending', 'running'].includes(before.status)).toBe(true);
        }
      }
    },
  );

  test.prop([anyScenario], RUNS)(
    'begins a block that must not be repeated once, but for the same attempt asked again',
    (scenario) => {
      const tokens = new Map<string, Set<string>>();
      for (const { call, ruling, before } of replay(scenario)) {
        if (ruling.kind === 'taken back' && call.kind === 'take back') {
          // Only an attempt that has not called its block asks for that.
          expect(tokens.get(call.stepId)).toEqual(new Set([call.token]));
          tokens.delete(call.stepId);
        }
        if (ruling.kind === 'begin' && call.kind === 'begin') {
          const seen = tokens.get(call.stepId) ?? new Set<string>();
          tokens.set(call.stepId, seen.add(call.token));
          expect(before.steps.get(call.stepId)?.isRepeatable === true || seen.size === 1).toBe(
            true,
          );
        }
      }
    },
  );

  test.prop([anyScenario], RUNS)(
    'stores one result of a step, that of its latest attempt, and none once the step has ended',
    (scenario) => {
      for (const { call, ruling, before } of replay(scenario)) {
        if (ruling.kind === 'store' && call.kind === 'finish') {
          const step = before.steps.get(call.stepId);
          expect(step?.hasResult).toBe(false);
          expect(step?.latestToken).toBe(call.token);
          expect(step?.isEnded).toBe(false);
          expect(before.status === 'cancelling' && !step?.isReleased).toBe(false);
        }
      }
    },
  );

  test.prop([anyScenario], RUNS)(
    'never ends a gated step as completed without a release, or a predicate that asked nobody',
    (scenario) => {
      for (const { after } of replay(scenario)) {
        for (const step of after.steps.values()) {
          const hasLeave = step.isReleased || step.waivedFor !== null || step.hasAskedNobody;
          expect(step.gate === null || step.status !== 'completed' || hasLeave).toBe(true);
        }
      }
    },
  );

  test.prop([anyScenario], RUNS)(
    'completes only when all of its steps have ended, and ends only for its own workflow',
    (scenario) => {
      for (const { call, ruling, before, after } of replay(scenario)) {
        if (after.status === 'completed') {
          const open = [...after.steps.values()].filter(
            (step) => !step.isInIteration && !step.isOver,
          );
          expect(open.map(({ id }) => id)).toEqual([]);
        }
        if (call.kind === 'end' && ruling.kind === 'end') {
          expect(call.caller).toEqual({ workflowId: 'run_1', workflowType: 'workflowRun' });
          expect(['completed', 'error', 'cancelled']).not.toContain(before.status);
        }
      }
    },
  );

  test.prop([anyScenario], RUNS)(
    'gives a step that is held to nobody but a child that Temporal has confirmed, and never back',
    (scenario) => {
      for (const { call, ruling, before, after } of replay(scenario)) {
        if (call.kind !== 'take') {
          continue;
        }
        const [was, is] = [before.steps.get(call.stepId), after.steps.get(call.stepId)];
        if (was?.holder !== is?.holder && was?.holder !== null) {
          expect(call.isConfirmed).toBe(true);
        }
        const id = call.caller?.workflowId ?? '';
        if (ruling.kind === 'take' || ruling.kind === 'held') {
          expect(was?.replaced.has(id)).toBe(false);
          expect(id.startsWith(`${call.stepId}~`)).toBe(true);
        }
      }
    },
  );

  test.prop([anyScenario], RUNS)(
    'always lets the child of the present execution have its step, and get on with it, whatever others did',
    (scenario) => {
      const world = aReplay(scenario.layout);
      for (const call of scenario.calls) {
        world.do(call);
      }
      for (const step of world.look().steps.values()) {
        expect(world.rescue(step.id), step.id).toBe('gets on');
      }
    },
  );

  test('meets every kind of answer in these scenarios: else they would prove nothing', () => {
    const all = fc.sample(anyScenario, { numRuns: 1_000, seed: 1 }).flatMap(replay);
    const counts = new Map<string, number>();
    for (const { call, ruling } of all) {
      const key = `${call.kind}: ${ruling.kind}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    const expected = [
      ...['begin', 'busy', 'lost', 'ended', 'blocked', 'not_theirs', 'dropped'].map(
        (kind) => `begin: ${kind}`,
      ),
      ...['take', 'held', 'verify', 'ended', 'blocked', 'not_theirs'].map(
        (kind) => `take: ${kind}`,
      ),
      'take back: taken back',
      ...['store', 'late', 'stopped'].map((kind) => `finish: ${kind}`),
      ...['end', 'ended', 'blocked', 'not_theirs'].map((kind) => `end: ${kind}`),
      ...['release', 'no'].map((kind) => `release: ${kind}`),
    ];
    expect(expected.filter((key) => (counts.get(key) ?? 0) < 5)).toEqual([]);
  });
});
