import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Client, Fact, JsonObject } from '../../src/client/index.js';
import { until } from '../support/until.js';
import { measured, seconds } from './measured.js';
import {
  addPerson,
  type Ballot,
  ended,
  insist,
  type Insisted,
  park,
  type Parked,
  type Person,
  vote,
} from './people.js';
import { isLinux, PARTS, startTestStack, type TestStack } from './test-stack.js';

const WORKFLOW = 'kills';
const ROUNDS = [...PARTS, 'everything'] as const;
const BETWEEN_VOTES_MS = 100;

describe.runIf(isLinux)('a stack whose parts are killed while people vote', () => {
  let stack: TestStack;
  let admin: Client;
  let people: Record<'fin1' | 'fin2' | 'leg1' | 'leg2', Person>;
  let parked: ReadonlyMap<string, readonly Parked[]>;
  const killedWorkers: number[] = [];

  beforeAll(async () => {
    stack = await startTestStack();
    admin = await stack.admin();
    people = {
      fin1: await addPerson(stack, 'fin1', 'finance'),
      fin2: await addPerson(stack, 'fin2', 'finance'),
      leg1: await addPerson(stack, 'leg1', 'legal'),
      leg2: await addPerson(stack, 'leg2', 'legal'),
    };
    await admin.workflows.put(WORKFLOW, {
      blocks: [
        {
          id: 'extract',
          type: 'extract',
          executor: { kind: 'supplied' },
          review: { groups: [{ group: 'finance', required: 2 }, 'legal'] },
        },
        { id: 'book', type: 'task', executor: { kind: 'function', name: 'book' } },
      ],
    });
    const groups = ROUNDS.map(async (round) => {
      const names = ['approved', 'corrected', 'rejected'].map((what) => `${round}-${what}`);
      return [round, await park(stack, WORKFLOW, 'extract', names)] as const;
    });
    parked = new Map(await Promise.all(groups));
  });
  beforeEach(({ onTestFailed }) => onTestFailed(() => stack.tell()));
  afterAll(() => stack.remove());

  test.each(ROUNDS)(
    '%s killed: every vote counts once, and every run ends as decided',
    async (round) => {
      const [approved, corrected, rejected] = parked.get(round) ?? [];
      if (approved === undefined || corrected === undefined || rejected === undefined) {
        throw new Error(`nothing is parked for ${round}`);
      }
      const { fin1, fin2, leg1, leg2 } = people;
      const correction = { ...corrected.snapshot, total: 99.5 };
      const version = await fin1.client.reviews.versions.create({
        review_id: corrected.review.id,
        parent_id: corrected.review.newest_version_id,
        snapshot: correction,
      });
      const approval = about(approved, 'approved');
      const agreement = { ...about(corrected, 'approved'), versionId: version.id };
      const kindness = about(rejected, 'approved');
      const voting = keepVoting([
        { person: fin1, ballots: [approval, agreement, kindness] },
        { person: fin2, ballots: [kindness, approval, agreement] },
        { person: leg1, ballots: [agreement, about(rejected, 'rejected')] },
        { person: leg2, ballots: [approval] },
      ]);
      await voting.hasBegun;
      const killedAt = performance.now();
      const killed = await Promise.all(
        (round === 'everything' ? PARTS : [round]).map((part) => stack.kill(part)),
      );
      killedWorkers.push(...killed.filter(({ part }) => part === 'worker').map(({ pid }) => pid));
      const begunMeanwhile = park(stack, WORKFLOW, 'extract', [`${round}-meanwhile`]);
      await Promise.all(killed.map((one) => stack.isBack(one)));
      await expectBooked(approved, approved.snapshot);
      await expectBooked(corrected, correction);
      await expectCancelled(rejected);
      const endedMs = performance.now() - killedAt;
      const { votes, failures } = await voting.finish();

      expect(await factsOf(admin, approved)).toEqual([
        ['fin1', 'approved', approved.review.newest_version_id],
        ['fin2', 'approved', approved.review.newest_version_id],
        ['leg2', 'approved', approved.review.newest_version_id],
      ]);
      expect(await factsOf(admin, corrected)).toEqual([
        ['fin1', 'approved', version.id],
        ['fin2', 'approved', version.id],
        ['leg1', 'approved', version.id],
      ]);
      // Who approved after the rejection was told of it, and nothing was recorded.
      const seed = rejected.review.newest_version_id;
      const facts = await factsOf(admin, rejected);
      expect(facts).toContainEqual(['leg1', 'rejected', seed]);
      expect([
        ['fin1', 'approved', seed],
        ['fin2', 'approved', seed],
        ['leg1', 'rejected', seed],
      ]).toEqual(expect.arrayContaining([...facts]));
      expect(new Set(facts.map(([voter]) => voter)).size).toBe(facts.length);

      for (const begun of await begunMeanwhile) {
        await Promise.all([fin1, fin2, leg1].map((one) => vote(one, about(begun, 'approved'))));
        await expectBooked(begun, begun.snapshot);
      }
      if (round === 'worker' || round === 'Temporal') {
        expect(failures, 'votes need neither a worker nor Temporal').toEqual([]);
      }
      measured(
        `${round} killed: what was decided had taken effect after ${seconds(endedMs)}; ${votes} votes were answered, ${failures.length} had to be sent again`,
      );
    },
  );

  test('doctor finds that the store and Temporal agree', async () => {
    const startedAt = performance.now();
    await until(
      'doctor to find nothing',
      async () => {
        const { code, findings } = await stack.doctor();
        return code === 0 && findings.length === 0;
      },
      90_000,
    );
    measured(
      `doctor agrees ${seconds(performance.now() - startedAt)} after the last kill's runs had ended`,
    );
    expect(await stack.readyz()).toMatchObject({ status: 200, temporal: 'ok', failed: 0 });
  });

  /** The run completed, and the block behind the gate was executed with just what was approved. */
  async function expectBooked({ run, review }: Parked, snapshot: JsonObject): Promise<void> {
    expect(await ended(admin, run.id)).toMatchObject({ lifecycle: { status: 'completed' } });
    expect((await insist(() => admin.reviews.get(review.id))).answer.status).toBe('EXECUTED');
    const executions = stack.journal.of(`${run.id}_book`);
    expect(executions.length).toBeGreaterThan(0);
    for (const { given } of executions) {
      expect(given).toEqual({ input: null, blocks: { extract: snapshot } });
    }
    // A repeatable block is executed again only where its worker was killed before the result was stored.
    const repeated = executions.slice(0, -1).filter(({ pid }) => !killedWorkers.includes(pid));
    expect(repeated).toEqual([]);
  }

  /** The run was cancelled for the reviewer's reason, and the block behind the gate was never executed. */
  async function expectCancelled({ run, review }: Parked): Promise<void> {
    expect(await ended(admin, run.id)).toMatchObject({
      lifecycle: { status: 'cancelled', reason: 'leg1 says no' },
    });
    expect((await insist(() => admin.reviews.get(review.id))).answer.status).toBe('REJECTED');
    const { answer: step } = await insist(() => admin.steps.get(`${run.id}_book`));
    expect(step.lifecycle.status).toBe('cancelled');
    expect(stack.journal.of(`${run.id}_book`)).toEqual([]);
  }
});

function about({ review }: Parked, verdict: Ballot['verdict']): Ballot {
  return { reviewId: review.id, versionId: review.newest_version_id, verdict };
}

type Voting = {
  /** Resolves when the first vote has been answered, while others are on their way. */
  readonly hasBegun: Promise<void>;
  /** Lets everybody vote to the end of their list once more; throws what a vote was refused with. */
  finish(): Promise<{ readonly votes: number; readonly failures: readonly string[] }>;
};

/** Lets people say what they have to say again and again, all at once. */
function keepVoting(
  voters: readonly { readonly person: Person; readonly ballots: readonly Ballot[] }[],
): Voting {
  const answered: Insisted<unknown>[] = [];
  const finishing = new AbortController();
  let begin = (): void => undefined;
  const first = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const work = Promise.all(
    voters.map(async ({ person, ballots }) => {
      do {
        for (const ballot of ballots) {
          answered.push(await vote(person, ballot));
          begin();
          await delay(BETWEEN_VOTES_MS); // what people can do, not all that a loop can
        }
      } while (!finishing.signal.aborted);
    }),
  );
  const hasBegun = Promise.race([first, work.then(() => undefined)]);
  return {
    hasBegun,
    finish: async () => {
      finishing.abort();
      await work;
      return { votes: answered.length, failures: answered.flatMap(({ failures }) => failures) };
    },
  };
}

type Voted = readonly [voter: string, verdict: Fact['verdict'], versionId: string | null];

/** Everything that was recorded of a review, by voter; the numbers have no gap. */
async function factsOf(client: Client, { review }: Parked): Promise<readonly Voted[]> {
  const { data } = await client.reviews.votes(review.id).take(100);
  expect(data.map(({ seq }) => seq)).toEqual(data.map((_, index) => index + 1));
  return data
    .map(({ actor, verdict, version_id: versionId }): Voted => [actor.id, verdict, versionId])
    .toSorted(([a], [b]) => a.localeCompare(b));
}
