import { describe, expect, test } from 'vitest';
import { createClient } from '../../src/client/index.js';
import { retryDelayMs } from '../../src/client/retry.js';
import { scriptedServer, type ScriptedAnswer } from './scripted-server.js';

const NOW = new Date('2026-05-13T08:14:02.000Z');

describe('retryDelayMs', () => {
  test.each<[status: number, retryAfter: string | null, retries: number, delayMs: number | null]>([
    [503, '2', 0, 2_000],
    [429, '0', 0, 0],
    [429, 'Wed, 13 May 2026 08:14:05 GMT', 0, 3_000],
    [503, 'Wed, 13 May 2026 08:14:00 GMT', 0, 0],
    [503, null, 0, 250],
    [503, null, 2, 1_000],
    [503, 'soon', 0, 250],
    [503, '2', 3, null],
    [503, '11', 0, null],
    [500, '1', 0, null],
    [502, null, 0, null],
    [404, null, 0, null],
    [200, null, 0, null],
  ])('HTTP %i with Retry-After %j after %i retries: %j', (status, retryAfter, retries, delayMs) => {
    expect(retryDelayMs({ status, retryAfter }, retries, NOW)).toBe(delayMs);
  });
});

const AWAY: ScriptedAnswer = {
  status: 503,
  headers: { 'retry-after': '0' },
  body: { detail: { code: 'unavailable', message: 'The database does not answer.', details: {} } },
};

describe('a client', () => {
  test('reads again when the server asks for it', async () => {
    const { url, seen } = await scriptedServer(
      AWAY,
      { ...AWAY, status: 429 },
      { body: { id: 'a' } },
    );
    const me = await createClient({ url, token: 'cs_t' }).me();
    expect(me).toEqual({ id: 'a' });
    expect(seen).toHaveLength(3);
  });

  test('gives up a read after a few times, with the error of the last', async () => {
    const { url, seen } = await scriptedServer(AWAY);
    const work = createClient({ url, token: 'cs_t' }).me();
    await expect(work).rejects.toMatchObject({ status: 503, code: 'unavailable' });
    expect(seen).toHaveLength(4);
  });

  test('sends what changes something once', async () => {
    const { url, seen } = await scriptedServer(AWAY);
    const client = createClient({ url, token: 'cs_t' });
    await expect(client.reviews.release('rev_1')).rejects.toMatchObject({ status: 503 });
    await expect(client.runs.start({ workflow_id: 'w' })).rejects.toMatchObject({ status: 503 });
    await expect(client.users.remove('u')).rejects.toMatchObject({ status: 503 });
    expect(seen.map(({ method }) => method)).toEqual(['POST', 'POST', 'DELETE']);
  });
});
