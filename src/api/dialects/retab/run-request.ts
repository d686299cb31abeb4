import type { JsonObject } from '../../../domain/json.js';
import { checkIJson } from '../../../rules/canonical.js';
import { findPerson } from '../../../store/people.js';
import { atPlace, checkSnapshotSize } from '../../check-snapshot.js';
import { type ApiError, forbidden, invalidValue } from '../../errors.js';
import type { Call } from '../../route.js';
import { unstorableText } from '../../unstorable-text.js';

/** Why a run cannot be started with these inputs, whatever workflow it is of. */
export function checkRunRequest(request: {
  readonly inputs: JsonObject;
  readonly documents: JsonObject;
  readonly metadata: JsonObject | null;
}): ApiError | null {
  return (
    refuseDocuments(request.documents) ??
    checkInputs(request.inputs) ??
    checkMetadata(request.metadata)
  );
}

function refuseDocuments(documents: JsonObject): ApiError | null {
  return Object.keys(documents).length === 0
    ? null
    : invalidValue(
        ['body', 'documents'],
        'Inputs are JSON here: send them as `json_inputs`, and documents as links inside them.',
      );
}

/** Every input may become a snapshot under review, so each is held to what a snapshot may be. */
function checkInputs(inputs: JsonObject): ApiError | null {
  const badKey = Object.keys(inputs).find((key) => checkIJson(key).length > 0);
  if (badKey !== undefined) {
    return atPlace(checkIJson(inputs), ['body', 'json_inputs']);
  }
  for (const [blockId, value] of Object.entries(inputs)) {
    const unfit = checkSnapshotSize(value, ['body', 'json_inputs', blockId]);
    if (unfit !== null) {
      return unfit;
    }
  }
  return null;
}

function checkMetadata(metadata: JsonObject | null): ApiError | null {
  const problems = metadata === null ? [] : [...checkIJson(metadata), ...unstorableText(metadata)];
  return problems.length === 0 ? null : atPlace(problems, ['body', 'metadata']);
}

/** Who owns a new run: the person who starts it, or whom a service or an admin names. */
export async function chooseOwner(
  { deps, actor }: Call,
  named: string | null,
): Promise<string | null | ApiError> {
  if (named === null || (named === actor.id && actor.kind === 'person')) {
    return actor.kind === 'person' ? actor.id : null;
  }
  if (actor.kind === 'person' && !actor.roles.includes('admin')) {
    return forbidden(
      "Only services and admins start runs in somebody else's name: leave `owner` out.",
    );
  }
  return (await findPerson(deps.db, actor.projectId, named)) === null
    ? invalidValue(
        ['body', 'owner'],
        `There is no user '${named}': name one that GET /v1/users lists.`,
      )
    : named;
}
