import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Client, Review, Run } from '../../src/client/index.js';
import { until } from '../support/until.js';
import { measured, seconds } from './measured.js';
import { addPerson, ended, insist, type Person, vote } from './people.js';
import { isLinux, type Part, PARTS, startTestStack, type TestStack } from './test-stack.js';

const WORKFLOW = 'iterations';
const ITEMS = 8;

describe.runIf(isLinux)('a stack whose parts are killed while a run iterates', () => {
  let stack: TestStack;
  let admin: Client;
  let ann: Person;

  beforeAll(async () => {
    stack = await startTestStack();
    admin = await stack.admin();
    ann = await addPerson(stack, 'ann', 'finance');
    await admin.workflows.put(WORKFLOW, {
      blocks: [
        {
          id: 'each',
          type: 'for_each',
          executor: { kind: 'supplied' },
          body: [
            {
              id: 'check',
              type: 'extract',
              executor: { kind: 'supplied' },
              review: { groups: ['finance'], on_reject: 'drop' },
            },
            { id: 'book', type: 'task', executor: { kind: 'function', name: 'book' } },
          ],
        },
        { id: 'after', type: 'task', executor: { kind: 'function', name: 'book' } },
      ],
    });
  });
  beforeEach(({ onTestFailed }) => onTestFailed(() => stack.tell()));
  afterAll(() => stack.remove());

  const rounds: readonly (readonly [string, readonly Part[]])[] = [
    ['worker', ['worker']],
    ['everything', PARTS],
  ];

  test.each(rounds)(
    '%s killed: every iteration ends as it was decided, and the run goes on',
    async (round, parts) => {
      const items = Array.from({ length: ITEMS }, (_, n) => ({ round, n }));
      const { answer: run } = await insist(() =>
        admin.runs.start({
          workflow_id: WORKFLOW,
          json_inputs: { each: items },
          command_id: round,
        }),
      );
      const reviews = await opened(run, items.length);
      await decide(reviews.slice(0, 2));
      const killedAt = performance.now();
      const killed = await Promise.all(parts.map((part) => stack.kill(part)));
      await decide(reviews.slice(2));
      await Promise.all(killed.map((one) => stack.isBack(one)));

      expect(await ended(admin, run.id)).toMatchObject({ lifecycle: { status: 'completed' } });
      measured(
        `${round} killed: ${ITEMS} iterations had ended after ${seconds(performance.now() - killedAt)}`,
      );
      const kept = items.map((item, n) => ({ item, n })).filter(({ n }) => !isRefused(n));
      const [last] = stack.journal.of(`${run.id}_after`);
      expect(last?.given).toEqual({
        input: null,
        blocks: {
          each: {
            iterations: kept.map(({ item, n }) => ({
              item,
              iteration_key: String(n),
              output: { booked: true },
            })),
          },
        },
      });
      const workers = killed.filter(({ part }) => part === 'worker').map(({ pid }) => pid);
      for (const { item, n } of kept) {
        const executions = stack.journal.of(`${run.id}_book@${n}`);
        expect(executions.map(({ given }) => given)).toEqual(
          executions.map(() => ({ input: item, blocks: { check: item } })),
        );
        const repeated = executions.slice(0, -1).filter(({ pid }) => !workers.includes(pid));
        expect(repeated).toEqual([]);
      }
      expect(stack.journal.of(`${run.id}_book@3`)).toEqual([]);
    },
  );

  test('doctor finds that the store and Temporal agree', async () => {
    await until(
      'doctor to find nothing',
      async () => {
        const { code, findings } = await stack.doctor();
        return code === 0 && findings.length === 0;
      },
      90_000,
    );
  });

  /** The reviews of a run's iterations, in their order, once there are so many. */
  async function opened(run: Run, count: number): Promise<readonly Review[]> {
    return await until(
      `${count} reviews of ${run.id}`,
      async () => {
        const { answer } = await insist(() => admin.reviews.list({ run_id: run.id }).page());
        return answer.data.length === count && answer.data.toSorted(byIteration);
      },
      60_000,
    );
  }

  async function decide(reviews: readonly Review[]): Promise<void> {
    await Promise.all(
      reviews.map(async (review) => {
        const verdict = isRefused(Number(review.iteration_key)) ? 'rejected' : 'approved';
        await vote(ann, { reviewId: review.id, versionId: review.newest_version_id, verdict });
      }),
    );
  }
});

/** The fourth item is no good. */
function isRefused(n: number): boolean {
  return n === 3;
}

function byIteration(one: Review, other: Review): number {
  return Number(one.iteration_key) - Number(other.iteration_key);
}
