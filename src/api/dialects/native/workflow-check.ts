import { z } from 'zod';
import { allBlocks } from '../../../domain/blocks.js';
import { compilePolicy } from '../../../domain/compile-policy.js';
import type { Gate } from '../../../domain/definition.js';
import { gateOutlook, personOutlook } from '../../../domain/gate-outlook.js';
import type { Voter } from '../../../domain/people.js';
import { definitionVersionId } from '../../../rules/content-ids.js';
import { listPeople, personAsVoter } from '../../../store/people.js';
import type { PersonRow } from '../../../store/tables.js';
import { findWorkflow, readDefinition } from '../../../store/workflows.js';
import { ok } from '../../answer.js';
import { isApiError, notFound } from '../../errors.js';
import { anyId } from '../../fields.js';
import { weakenedGates } from '../../gate-weakening.js';
import { route } from '../../route.js';
import { native } from './dialect.js';
import { definitionBody, readDeclared, warning } from './workflow-routes.js';

const keys = z.array(z.string());
const people = z.array(z.object({ id: z.string(), name: z.string() }));

const checkedEntry = z
  .object({
    key: z.string(),
    kind: z.enum(['group', 'reviewer', 'anyone']),
    subject: z.string(),
    mandatory: z.boolean(),
    could_fill: people.meta({ description: 'Who may fill it today, of a run that is not theirs.' }),
  })
  .meta({ id: 'CheckedEntry' });

const checkedGate = z
  .object({
    block_id: z.string(),
    satisfiable: z.boolean().meta({
      description: 'Whether today’s people could get a run through that none of them owns.',
    }),
    entries: z.array(checkedEntry),
    could_force: people,
    for_user: z
      .object({ can_fill: keys, can_fill_as_owner: keys, satisfiable_as_owner: z.boolean() })
      .nullable(),
  })
  .meta({ id: 'CheckedGate' });

const checked = z
  .object({
    id: z.string(),
    version_id: z.string().meta({ description: 'The version that it would be stored as.' }),
    is_current: z.boolean().meta({ description: 'Whether new runs take this version already.' }),
    warnings: z.array(warning),
    weakened: z
      .array(z.object({ block_id: z.string(), changes: z.array(z.string()) }))
      .meta({ description: 'Gates that would ask for less than those that new runs take now.' }),
    user: z.object({ id: z.string(), name: z.string() }).nullable(),
    gates: z.array(checkedGate),
  })
  .meta({ id: 'CheckedWorkflow' });

const check = route({
  id: 'workflows.check',
  method: 'post',
  path: '/v1/workflows/{workflow_id}/check',
  summary:
    'Says what storing a definition would come to, and who could pass its gates; stores nothing.',
  tag: 'Workflows',
  dialect: native,
  bodySize: 'definition',
  params: z.object({ workflow_id: anyId }),
  query: z.object({
    as: anyId.optional().meta({ description: 'A user id: what the gates mean for that person.' }),
  }),
  body: definitionBody,
  responses: { 200: checked },
  handle: async ({ deps, actor }, { params: { workflow_id: id }, query, body }) => {
    const directory = await listPeople(deps.db, actor.projectId);
    const user = directory.find((person) => person.id === query.as) ?? null;
    if (query.as !== undefined && user === null) {
      return notFound('user', query.as);
    }
    const read = readDeclared(id, body, directory.map(personAsVoter));
    if (isApiError(read)) {
      return read;
    }
    const { definition, warnings } = read;
    const versionId = definitionVersionId(actor.projectId, definition);
    const current = (await findWorkflow(deps.db, actor.projectId, id))?.current ?? null;
    const weakened = current === null ? [] : weakenedGates(readDefinition(current), definition);
    return ok({
      id,
      version_id: versionId,
      is_current: current?.id === versionId,
      warnings,
      weakened: weakened.map(({ blockId, changes }) => ({ block_id: blockId, changes })),
      user: user === null ? null : named(user),
      gates: allBlocks(definition.blocks).flatMap(({ id: blockId, review }) =>
        review === null ? [] : [showGate(blockId, review, directory, user)],
      ),
    });
  },
});

function showGate(
  blockId: string,
  gate: Gate,
  directory: readonly PersonRow[],
  user: PersonRow | null,
): z.infer<typeof checkedGate> {
  const policy = compilePolicy(gate);
  const voters = directory.map(personAsVoter);
  const known = new Map(directory.map((person) => [person.id, person]));
  const { satisfiable, entries } = gateOutlook(policy, voters, null);
  return {
    block_id: blockId,
    satisfiable,
    entries: entries.map(({ entry, couldFill }) => ({
      ...entry,
      could_fill: couldFill.flatMap((personId) => {
        const person = known.get(personId);
        return person === undefined ? [] : [named(person)];
      }),
    })),
    could_force: directory
      .filter(({ groups }) => policy.forceApprovalGroups.some((group) => groups.includes(group)))
      .map(named),
    for_user: user === null ? null : showOutlook(policy, voters, personAsVoter(user)),
  };
}

function showOutlook(
  policy: ReturnType<typeof compilePolicy>,
  voters: readonly Voter[],
  person: Voter,
): NonNullable<z.infer<typeof checkedGate>['for_user']> {
  const { canFill, canFillAsOwner, satisfiableAsOwner } = personOutlook(policy, voters, person);
  return {
    can_fill: [...canFill],
    can_fill_as_owner: [...canFillAsOwner],
    satisfiable_as_owner: satisfiableAsOwner,
  };
}

function named({ id, name }: PersonRow): { readonly id: string; readonly name: string } {
  return { id, name };
}

export const WORKFLOW_CHECK_ROUTES = [check] as const;
