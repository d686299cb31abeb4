import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROUTES } from '../../src/api/routes.js';
import { SYSTEM } from '../../src/store/actors.js';
import { putPerson, removePerson } from '../../src/store/people.js';
import { type Caller, type Reply, startApi, type TestApi, textAt } from '../support/api.js';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());

let count = 0;
const somebody = (...groups: readonly string[]): Promise<Caller> => {
  count += 1;
  return api.person(`u_known_${count}`, { groups });
};

/** A request that was answered with a success, and that is sent again by somebody who is gone. */
type Sent = { readonly by: Caller; readonly send: () => Promise<Reply> };

const start = (by: Caller, more: object = {}): Promise<Reply> =>
  api.post('/v1/workflows/runs', {
    as: by,
    body: { workflow_id: 'remembered', json_inputs: { extract: { total: 1 } }, ...more },
  });

const SENT: Readonly<Record<string, () => Promise<Sent>>> = {
  'runs.start, a new one': async () => {
    const by = await somebody();
    return { by, send: () => start(by) };
  },
  'runs.start, the same command again': async () => {
    const by = await somebody();
    return { by, send: () => start(by, { command_id: `command-${by.id}` }) };
  },
  'reviews.approve, a repeat': async () => {
    const by = await somebody('finance');
    const review = await api.openReview({ review: { groups: ['finance', 'legal'] } });
    const body = { version_id: review.seedId };
    return { by, send: () => api.post(`${review.path}/approve`, { as: by, body }) };
  },
  'reviews.approve, a conflict': async () => {
    const by = await somebody('finance');
    const review = await api.openReview({
      review: { groups: ['finance'], on_reject: 'cancel_run' },
    });
    const body = { version_id: review.seedId };
    const other = await somebody('finance');
    await api.post(`${review.path}/approve`, { as: other, body });
    return {
      by,
      send: () => api.post(`${review.path}/reject`, { as: by, body: { ...body, reason: 'no' } }),
    };
  },
  'reviews.reject, a repeat': async () => {
    const by = await somebody('finance');
    const review = await api.openReview({
      review: { groups: ['finance'], on_reject: 'cancel_run' },
    });
    const body = { version_id: review.seedId };
    return {
      by,
      send: () => api.post(`${review.path}/reject`, { as: by, body: { ...body, reason: 'no' } }),
    };
  },
};

describe('somebody who was looked up for an earlier request', () => {
  beforeAll(async () => {
    await api.openReview({ workflowId: 'remembered', block: { id: 'extract' } });
  });

  test('is remembered by routes of which each is tried here', () => {
    const tried = new Set(Object.keys(SENT).map((name) => name.split(',')[0]));
    const routes = ROUTES.filter((one) => one.rereadsCaller).map(({ id }) => id);
    expect(new Set<string | undefined>(routes)).toEqual(tried);
  });

  test.each(Object.keys(SENT))('%s: is refused once they were removed', async (name) => {
    const { by, send } = await (SENT[name] ?? expect.fail())();
    expect((await send()).status).toBeLessThan(300);
    expect(await removePerson(api.db, SYSTEM, by.id)).toBe(true);
    for (let again = 0; again < 2; again += 1) {
      expect((await send()).status).toBe(401);
    }
  });

  test('starts nothing in the name of another one after losing the role for it', async () => {
    const by = await api.person('u_was_admin', { roles: ['reviewer', 'admin'] });
    const owner = await somebody();
    const inTheirName = (): Promise<Reply> => start(by, { owner: owner.id });
    expect((await inTheirName()).status).toBe(202);
    const person = { name: 'No admin', email: 'no@example.com', slackId: '', groups: [] };
    await putPerson(api.db, SYSTEM, { id: by.id, ...person, roles: ['reviewer'] });
    expect((await inTheirName()).status).toBe(403);
    expect(textAt((await start(by)).body, 'id')).toMatch(/^run_/);
  });

  test('votes by the groups that they have now', async () => {
    const by = await somebody('finance');
    const [one, other] = [
      await api.openReview({ review: { groups: ['finance'] } }),
      await api.openReview({ review: { groups: ['finance'] } }),
    ];
    const approve = (review: typeof one): Promise<Reply> =>
      api.post(`${review.path}/approve`, { as: by, body: { version_id: review.seedId } });
    expect((await approve(one)).status).toBe(200);
    const person = { name: 'Moved', email: 'moved@example.com', slackId: '' };
    await putPerson(api.db, SYSTEM, { id: by.id, ...person, groups: [], roles: ['reviewer'] });
    expect((await approve(other)).status).toBe(403);
  });
});
