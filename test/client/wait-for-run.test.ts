import { describe, expect, test } from 'vitest';
import { ApiError, ConnectionError, createClient, type Run } from '../../src/client/index.js';
import { waitForRun } from '../../src/client/wait-for-run.js';
import { scriptedServer } from './scripted-server.js';

function aRun(lifecycle: Run['lifecycle']): Run {
  return {
    id: 'run_1',
    workflow_id: 'wf',
    workflow_version_id: 'wfv_1',
    trigger: { type: 'api' },
    lifecycle,
    timing: { created_at: '2026-05-13T08:14:02.341Z', started_at: null, completed_at: null },
    inputs: { documents: {}, json_data: {} },
    metadata: null,
    owner_id: null,
    started_by: 'u_ann',
    command_id: null,
    is_being_cancelled: false,
    temporal_url: null,
  };
}

const PENDING = aRun({ status: 'pending' });
const WAITING = aRun({ status: 'awaiting_review', waiting_for_block_ids: ['b'] });
const DONE = aRun({ status: 'completed' });
const AWAY = new ConnectionError('http://x', 'away');

/** Gives one thing after another, and throws errors; the last one again and again. */
function reading(...looks: readonly (Run | Error)[]): () => Promise<Run> {
  let count = 0;
  return async () => {
    const look = looks[Math.min(count, looks.length - 1)];
    count += 1;
    if (look instanceof Error || look === undefined) {
      throw look ?? new Error('nothing to read');
    }
    return look;
  };
}

describe('waitFor', () => {
  test('ends when the run has ended, and tells of each change once', async () => {
    const seen: string[] = [];
    const run = await waitForRun(reading(PENDING, PENDING, WAITING, WAITING, DONE), {
      pollMs: 1,
      onChange: ({ lifecycle }) => seen.push(lifecycle.status),
    });
    expect(run).toBe(DONE);
    expect(seen).toEqual(['pending', 'awaiting_review', 'completed']);
  });

  test('ends earlier where the caller says so', async () => {
    const until = ({ lifecycle }: Run): boolean => lifecycle.status === 'awaiting_review';
    expect(await waitForRun(reading(PENDING, WAITING), { pollMs: 1, until })).toBe(WAITING);
  });

  test('sits out a server that is away for a while', async () => {
    const busy = new ApiError({ status: 503, code: 'unavailable', message: 'away' });
    expect(await waitForRun(reading(PENDING, AWAY, busy, DONE), { pollMs: 1 })).toBe(DONE);
  });

  test('gives up a server that stays away', async () => {
    const work = waitForRun(reading(PENDING, AWAY), { pollMs: 1, patienceMs: 20 });
    await expect(work).rejects.toBe(AWAY);
  });

  test('gives up at once what will not get better', async () => {
    const gone = new ApiError({ status: 404, code: 'run_not_found', message: 'no such run' });
    await expect(waitForRun(reading(gone, DONE), { pollMs: 1 })).rejects.toBe(gone);
  });

  test('ends with the reason of its signal', async () => {
    const { url } = await scriptedServer({ body: WAITING });
    const client = createClient({ url, token: 'cs_t' });
    const stop = new AbortController();
    const reason = new Error('enough');
    const work = client.runs.waitFor('run_1', {
      signal: stop.signal,
      onChange: () => stop.abort(reason),
    });
    await expect(work).rejects.toBe(reason);
  });

  test('does not begin under a signal that has aborted', async () => {
    const work = waitForRun(reading(DONE), { signal: AbortSignal.abort(new Error('no')) });
    await expect(work).rejects.toThrow('no');
  });

  test('ends during a request that hangs', async () => {
    const { url } = await scriptedServer(null);
    const work = createClient({ url, token: 'cs_t' }).runs.waitFor('run_1', {
      signal: AbortSignal.timeout(100),
    });
    await expect(work).rejects.toMatchObject({ name: 'TimeoutError' });
  });
});
