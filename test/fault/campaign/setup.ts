import { until } from '../../support/until.js';
import { declared, type Workflow } from './definitions.js';
import type { Tokens } from './dialects.js';
import { PEOPLE } from './directory.js';
import { textAt } from './json.js';
import type { Json } from './json.js';
import type { Topology } from './topology.js';

/** A workflow of one block, by whose runs it shows that workers are at work. */
export const CANARY: Workflow = {
  id: 'campaign_canary',
  blocks: [
    { id: 'sing', type: 'task', needs: [], work: 'act', repeatable: true, gate: null, body: null },
  ],
};

/** A workflow with a gate that nobody ever decides: the probes' votes on it are refused, under its lock. */
export const PROBED: Workflow = {
  id: 'campaign_probed',
  blocks: [
    {
      id: 'held',
      type: 'extract',
      needs: [],
      work: 'supplied',
      repeatable: true,
      gate: {
        placement: 'output',
        groups: [{ group: 'alpha', required: 1 }],
        reviewers: [],
        min_approvals: null,
        self_approval: 'never',
        one_person_one_entry: false,
        corrections: 'none',
        correction_author_may_approve: true,
        release: 'auto',
        on_reject: 'cancel_run',
        force_approval_groups: [],
        opensAbove: null,
      },
      body: null,
    },
  ],
};

/** Adds the people, their tokens and the workflows, while nothing is broken yet. */
export async function setUp(topology: Topology, workflows: readonly Workflow[]): Promise<Tokens> {
  const apis = topology.members.filter(({ part }) => part.startsWith('api'));
  await until(
    'both APIs to be ready',
    async () => {
      const ready = await Promise.all(
        apis.map(({ url }) =>
          fetch(`${url}/readyz`).then(
            ({ ok }) => ok,
            () => false,
          ),
        ),
      );
      return ready.every(Boolean);
    },
    120_000,
  );
  const [api] = apis;
  const ask = async (method: string, path: string, body: Json): Promise<unknown> => {
    const response = await fetch(`${api?.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${topology.adminToken}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify(body),
    });
    const answer: unknown = await response.json();
    if (!response.ok) {
      throw new Error(`${method} ${path} was refused: ${JSON.stringify(answer)}`);
    }
    return answer;
  };
  const secrets = new Map<string, string>();
  for (const { id, groups, isAdmin } of PEOPLE) {
    const about = { name: id, email: `${id}@example.com`, groups };
    await ask('PUT', `/v1/users/${id}`, isAdmin ? { ...about, admin: true } : about);
    const token = await ask('POST', '/v1/tokens', { user_id: id });
    secrets.set(id, textAt(token, 'token') ?? '');
  }
  const backend = await ask('POST', '/v1/tokens', {
    service: 'backend',
    scopes: ['runs:write', 'reviews:read', 'reviews:vote-as'],
  });
  for (const workflow of [...workflows, CANARY, PROBED]) {
    await ask('PUT', `/v1/workflows/${workflow.id}`, declared(workflow));
  }
  return {
    of: (personId) => secrets.get(personId) ?? '',
    backend: { id: textAt(backend, 'id') ?? '', secret: textAt(backend, 'token') ?? '' },
  };
}
