import { compilePolicy } from '../domain/compile-policy.js';
import { describeEntries } from '../domain/decide.js';
import type { Block, Definition } from '../domain/definition.js';
import type { Voter } from '../domain/people.js';
import { tally } from '../domain/tally.js';
import { imaginedApproval } from '../domain/waiting.js';

/** A gate that nobody could get through with the people there are today. */
export type DirectoryWarning = { readonly blockId: string; readonly message: string };

/** The gates of a definition that today's people cannot satisfy, even if all of them approved. */
export function directoryWarnings(
  definition: Definition,
  people: readonly Voter[],
): readonly DirectoryWarning[] {
  return definition.blocks.flatMap((block) => blockWarnings(block, people));
}

function blockWarnings(
  { id, review, body }: Block,
  people: readonly Voter[],
): readonly DirectoryWarning[] {
  const inside = (body ?? []).flatMap((block) => blockWarnings(block, people));
  if (review === null) {
    return inside;
  }
  const policy = compilePolicy(review);
  const votes = people.map((person, index) => imaginedApproval(policy, person, VERSION, index + 1));
  const { complete, missing } = tally(policy, votes, VERSION);
  return complete
    ? inside
    : [
        {
          blockId: id,
          message: `with the people there are today this gate cannot be satisfied: it lacks ${describeEntries(policy, missing)}. Add them with PUT /v1/users/{id}`,
        },
        ...inside,
      ];
}

const VERSION = 'any';
