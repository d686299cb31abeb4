import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sql } from 'kysely';
import { ROUTES } from '../../src/api/routes.js';
import { type OpenedReview, startApi, type TestApi } from '../support/api.js';
import { linkFor, signIn } from '../support/browser-session.js';

const GETS = ROUTES.filter(({ method }) => method === 'get');

/** What a decision, or anything else that somebody means to do, would leave a trace in. */
const TABLES = [
  'workflow',
  'run',
  'step',
  'review',
  'version',
  'entry',
  'fact',
  'hold',
  'review_command',
  'outbox',
  'audit',
  'person',
  'token',
  'sign_in_link',
];

/** What frameworks have been known to take for another method. */
const DISGUISES = { 'x-http-method-override': 'POST', 'x-method-override': 'DELETE' };

let api: TestApi;
let review: OpenedReview;
let cookie: string;
let linkCode: string;

beforeAll(async () => {
  api = await startApi();
  await api.person('u_dana', { roles: ['reviewer', 'admin'], groups: ['finance'] });
  review = await api.openReview({ review: { groups: ['finance'] } });
  cookie = await signIn(api, 'u_dana');
  linkCode = await linkFor(api, 'u_dana');
});
afterAll(() => api.stop());

describe('a GET by a session that may decide', () => {
  test.each(GETS.map(({ id, path }) => [id, path] as const))(
    '%s changes nothing',
    async (_id, path) => {
      const before = await everything();
      const query = new URLSearchParams({
        review_id: review.id,
        run_id: review.runId,
        version_id: review.seedId,
        verdict: 'approved',
        decision: 'approved',
        _method: 'POST',
      });
      for (const search of ['', `?${query.toString()}`]) {
        await api.get(addressOf(path) + search, { as: null, headers: { cookie, ...DISGUISES } });
      }
      expect(await everything()).toEqual(before);
    },
  );

  test('of the address of an act is no such act', async () => {
    const before = await everything();
    const acts = ROUTES.filter(({ method }) => method !== 'get').map(({ path }) => addressOf(path));
    for (const path of new Set(acts)) {
      await fetch(`${api.url}${path}?version_id=${review.seedId}`, {
        headers: { cookie, ...DISGUISES },
        signal: AbortSignal.timeout(60_000),
      });
    }
    expect(await everything()).toEqual(before);
  });
});

/** The path of a route, with what is there in the place of its parameters. */
function addressOf(path: string): string {
  const known: Readonly<Record<string, string>> = {
    review_id: review.id,
    run_id: review.runId,
    step_id: review.stepId,
    version_id: review.seedId,
    workflow_id: review.row.workflowId,
    block_id: review.row.blockId,
    id: review.id,
    code: linkCode,
  };
  return path.replaceAll(/\{(\w+)[^}]*\}/g, (_all, name: string) => known[name] ?? 'u_dana');
}

async function everything(): Promise<Readonly<Record<string, unknown>>> {
  const rows = TABLES.map(async (table) => {
    const { rows: found } = await sql`select * from ${sql.table(table)} order by 1, 2`.execute(
      api.db,
    );
    return [table, found] as const;
  });
  return Object.fromEntries(await Promise.all(rows));
}
