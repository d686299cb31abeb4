import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { diagnose } from '../../src/delivery/doctor.js';
import type { Gate } from '../../src/domain/definition.js';
import type { TimeWindow } from '../../src/domain/time-window.js';
import type { ReviewRow, RunRow } from '../../src/store/tables.js';
import { windowAround } from '../support/hoop.js';
import {
  block,
  gate,
  type Installation,
  reviewer,
  startInstallation,
} from '../support/installation.js';
import { Operator } from '../support/operator.js';
import { until } from '../support/until.js';
import { recordVote } from '../support/voters.js';

let on: Installation;
let op: Operator;

beforeAll(async () => {
  on = await startInstallation();
  op = new Operator(on.temporal.connection);
});
afterAll(() => on.stop());

const CLOSED = windowAround(120, 180);
const OPEN = windowAround(-60, 60);

/** A run whose gate was approved, with hours or without. */
async function approved(
  about: Partial<Gate>,
  timeWindow: TimeWindow | null,
): Promise<{ run: RunRow; review: ReviewRow; holder: string }> {
  const run = await on.run([block('extract', { review: gate(about) })], { extract: { total: 5 } });
  const review = await on.reviewOf(run, 'extract');
  const command = {
    kind: 'vote',
    verdict: 'approved',
    versionId: null,
    force: false,
    mayWithdraw: true,
    refusedWhenFinal: true,
    timeWindow,
    acknowledgedVersionIds: [],
  } as const;
  const request = { command, reason: null, dialect: 'hoop' } as const;
  await recordVote(on.database.db, reviewer('u1'), review.id, request, 0);
  const { holder } = await on.step(run, 'extract');
  return { run, review, holder: holder ?? '' };
}

/** Waits until a gate has asked in vain so often, and waits again. */
async function refusedTimes(holder: string, times: number): Promise<void> {
  await until(`${times} questions in vain`, async () => {
    const events = await op.history(holder);
    const questions = events.filter(
      ({ activityTaskScheduledEventAttributes: activity }) =>
        activity?.activityType?.name === 'checkGate',
    );
    return questions.length >= times;
  });
  await op.idle(holder);
}

async function setWindow(review: ReviewRow, window: TimeWindow): Promise<void> {
  await on.database.db
    .updateTable('review')
    .set({ timeWindow: JSON.stringify(window) })
    .where('id', '=', review.id)
    .execute();
}

describe('a gate whose approval may only be acted on at certain hours', () => {
  test('goes on at once within them', async () => {
    const { run } = await approved({}, OPEN);
    expect(await on.ended(run)).toMatchObject({ status: 'completed' });
  });

  test.each<[string, Partial<Gate>]>([
    ['at once', {}],
    ['after a time to undo', { release: { after: '100ms' } }],
  ])('waits for them, though it would be released %s', async (_case, about) => {
    const { run, review, holder } = await approved(about, CLOSED);
    await refusedTimes(holder, 1);
    expect(await on.reviewOf(run, 'extract')).toMatchObject({ status: 'APPROVED' });

    // The hours come; a signal that says nothing is as good a moment as any to find that.
    await setWindow(review, OPEN);
    await op.signal(holder, null);
    expect(await on.ended(run)).toMatchObject({ status: 'completed' });
  });

  test('waits for them after a reset, too, and after its workflow was started again', async () => {
    const { run, review, holder } = await approved({}, CLOSED);
    await refusedTimes(holder, 1);
    await op.reset(run.id, 'first');
    const next = await until('a new holder', async () => {
      const step = await on.step(run, 'extract');
      return step.holder === holder ? null : step.holder;
    });
    await op.idle(next);
    expect(await on.reviewOf(run, 'extract')).toMatchObject({ status: 'APPROVED' });
    await setWindow(review, OPEN);
    await op.signal(next, null);
    expect(await on.ended(run)).toMatchObject({ status: 'completed' });
  });

  test('can be withdrawn while it waits for them', async () => {
    const { run, review, holder } = await approved({}, CLOSED);
    await refusedTimes(holder, 1);
    const boss = { ...reviewer('u_boss'), roles: ['admin' as const] };
    const request = {
      command: { kind: 'withdraw', verdict: 'revoked' },
      reason: null,
      dialect: 'native',
    } as const;
    await recordVote(on.database.db, boss, review.id, request, 0);
    expect(await on.ended(run)).toMatchObject({ status: 'cancelled' });
  });

  test('is no finding of doctor while it waits for them', async () => {
    const findingsOf = async (run: RunRow): Promise<readonly string[]> => {
      const found = await diagnose(on.database.db, on.temporal, 0);
      return found.filter(({ runId }) => runId === run.id).map(({ code }) => code);
    };
    const { run, review, holder } = await approved({}, CLOSED);
    await refusedTimes(holder, 1);
    expect(await findingsOf(run)).toEqual([]);
    await setWindow(review, OPEN);
    expect(await findingsOf(run)).toEqual(['VOTE_UNHEARD']);
    await op.signal(holder, null);
    await on.ended(run);
  });
});

describe('a gate that waits for a time', () => {
  test('is not kept waiting for ever by a signal that comes meanwhile', async () => {
    const { run, holder } = await approved({ release: { after: '3s' } }, null);
    await refusedTimes(holder, 1);
    await op.signal(holder, null);
    expect(await on.ended(run)).toMatchObject({ status: 'completed' });
  });
});
