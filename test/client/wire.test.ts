import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { ROUTES } from '../../src/api/routes.js';
import type {
  AuditLine,
  CancelRunResponse,
  CheckedGate,
  CheckedWorkflow,
  Explanation,
  Fact,
  Me,
  MissingEntry,
  NewToken,
  Snapshot,
  StoredSnapshot,
  StoredWorkflow,
  Token,
  User,
  Version,
  Warning,
  Workflow,
  WorkflowSummary,
  WorkflowVersion,
} from '../../src/client/index.js';

/** The fields of a wire type, which the compiler holds complete. */
function fieldsOf<T>(fields: Readonly<Record<keyof T, true>>): readonly string[] {
  return Object.keys(fields).toSorted();
}

const SUMMARY = {
  id: true,
  name: true,
  version_id: true,
  version: true,
  created_at: true,
  updated_at: true,
} as const;
const DEFINITION = { blocks: true, metadata: true } as const;
const TOKEN = {
  id: true,
  user_id: true,
  service: true,
  scopes: true,
  created_by: true,
  created_at: true,
  revoked_at: true,
} as const;

/** The types that are written by hand, by where a schema of the API has them. */
const WRITTEN: readonly (readonly [where: string, fields: readonly string[]])[] = [
  ['snapshots.create', fieldsOf<StoredSnapshot>({ id: true, size_bytes: true })],
  [
    'snapshots.get',
    fieldsOf<Snapshot>({
      id: true,
      size_bytes: true,
      snapshot: true,
      created_by: true,
      put_at: true,
    }),
  ],
  [
    'versions.get',
    fieldsOf<Version>({
      id: true,
      review_id: true,
      parent_id: true,
      author: true,
      snapshot: true,
      note: true,
      created_at: true,
      origin: true,
      content_sha256: true,
    }),
  ],
  [
    'reviews.explain',
    fieldsOf<Explanation>({
      review_id: true,
      status: true,
      version_id: true,
      waiting_for: true,
      opened_because: true,
      due_at: true,
      missing: true,
      still_needed: true,
      gate: true,
      decision_seq: true,
    }),
  ],
  [
    'reviews.explain missing',
    fieldsOf<MissingEntry>({
      key: true,
      kind: true,
      subject: true,
      mandatory: true,
      could_fill: true,
    }),
  ],
  [
    'reviews.votes data',
    fieldsOf<Fact>({
      seq: true,
      id: true,
      kind: true,
      actor: true,
      verdict: true,
      version_id: true,
      fills: true,
      forced: true,
      acting_for: true,
      entry: true,
      to: true,
      reason: true,
      dialect: true,
      created_at: true,
    }),
  ],
  [
    'runs.cancel',
    fieldsOf<CancelRunResponse>({ run: true, cancellation_status: true, redis_available: true }),
  ],
  [
    'workflows.put',
    fieldsOf<StoredWorkflow>({ id: true, version_id: true, version: true, warnings: true }),
  ],
  ['workflows.put warnings', fieldsOf<Warning>({ loc: true, msg: true })],
  [
    'workflows.check',
    fieldsOf<CheckedWorkflow>({
      id: true,
      version_id: true,
      is_current: true,
      warnings: true,
      weakened: true,
      user: true,
      gates: true,
    }),
  ],
  [
    'workflows.check gates',
    fieldsOf<CheckedGate>({
      block_id: true,
      satisfiable: true,
      entries: true,
      could_force: true,
      for_user: true,
    }),
  ],
  ['workflows.list data', fieldsOf<WorkflowSummary>(SUMMARY)],
  ['workflows.get', fieldsOf<Workflow>({ ...SUMMARY, ...DEFINITION })],
  [
    'workflows.versions data',
    fieldsOf<WorkflowVersion>({
      id: true,
      workflow_id: true,
      version: true,
      is_current: true,
      name: true,
      created_by: true,
      created_at: true,
      ...DEFINITION,
    }),
  ],
  [
    'users.list data',
    fieldsOf<User>({
      id: true,
      name: true,
      email: true,
      slack_id: true,
      groups: true,
      roles: true,
      source: true,
      groups_as_of: true,
      created_at: true,
      updated_at: true,
    }),
  ],
  ['tokens.list data', fieldsOf<Token>(TOKEN)],
  ['tokens.create', fieldsOf<NewToken>({ ...TOKEN, token: true })],
  [
    'me.get',
    fieldsOf<Me>({
      kind: true,
      id: true,
      name: true,
      email: true,
      groups: true,
      roles: true,
      scopes: true,
      project_id: true,
    }),
  ],
  [
    'audit.list data',
    fieldsOf<AuditLine>({
      id: true,
      at: true,
      action: true,
      actor_id: true,
      token_id: true,
      run_id: true,
      review_id: true,
      detail: true,
    }),
  ],
];

/** The fields that the API declares: of a route's answer, or of the rows of one of its lists. */
function declaredFields(where: string): readonly string[] {
  const [id, list] = where.split(' ');
  const route = ROUTES.find((one) => one.id === id);
  const [answer] = Object.values(route?.responses ?? {});
  const schema = list === undefined ? answer : elementOf(objectOf(answer).shape[list]);
  return Object.keys(objectOf(schema).shape).toSorted();
}

function objectOf(schema: unknown): z.ZodObject {
  if (!(schema instanceof z.ZodObject)) {
    throw new TypeError('expected the schema of an object');
  }
  return schema;
}

function elementOf(schema: unknown): unknown {
  return schema instanceof z.ZodArray ? schema.element : undefined;
}

describe('wire types', () => {
  test.each(WRITTEN)('of %s have the fields that the API declares', (where, fields) => {
    expect(declaredFields(where)).toEqual(fields);
  });

  test('cover every route of the API but its health, and what only the inbox asks for', () => {
    const FOR_THE_INBOX = [
      'doctor.read',
      'events.follow',
      'inbox.counts',
      'inbox.facets',
      'operations.read',
      'reviews.context',
    ];
    const COVERED = [
      'audit.list',
      'inbox.list',
      'me.get',
      'reviews.approve',
      'reviews.explain',
      'reviews.get',
      'reviews.list',
      'reviews.reassign',
      'reviews.reject',
      'reviews.release',
      'reviews.votes',
      'reviews.withdraw',
      'runs.cancel',
      'runs.get',
      'runs.list',
      'runs.retry',
      'runs.start',
      'snapshots.create',
      'snapshots.get',
      'steps.get',
      'steps.items',
      'steps.list',
      'steps.settle',
      'tokens.create',
      'tokens.list',
      'tokens.revoke',
      'users.list',
      'users.put',
      'users.remove',
      'versions.create',
      'versions.get',
      'versions.list',
      'workflows.check',
      'workflows.get',
      'workflows.list',
      'workflows.put',
      'workflows.versions',
    ];
    const guarded = ROUTES.filter(
      ({ access, dialect }) =>
        access === 'guarded' && (dialect.name === 'retab' || dialect.name === 'native'),
    );
    const ids = guarded.map(({ id }): string => id).filter((id) => !FOR_THE_INBOX.includes(id));
    expect(ids.toSorted()).toEqual(COVERED);
  });
});
