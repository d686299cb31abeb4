import { z } from 'zod';
import type { FactRow, VersionRow } from '../../../store/tables.js';

/** Whoever did something, as this contract names them; every part is non-empty. */
export const actor = z
  .object({
    kind: z.enum(['human', 'agent', 'model']),
    id: z.string().min(1),
    display_name: z.string().min(1),
  })
  .meta({ id: 'Actor' });

export type ActorBody = z.infer<typeof actor>;

/** The person, or service, or the system, that recorded a fact. */
export function showActor(fact: Pick<FactRow, 'actorId' | 'actorKind' | 'actorName'>): ActorBody {
  const kind = fact.actorKind === 'person' ? 'human' : 'agent';
  return named(kind, fact.actorId, fact.actorName);
}

/** Who wrote a version. */
export function showAuthor(
  version: Pick<VersionRow, 'authorKind' | 'authorId' | 'authorName'>,
): ActorBody {
  return named(version.authorKind, version.authorId, version.authorName);
}

function named(kind: ActorBody['kind'], id: string, name: string): ActorBody {
  return { kind, id, display_name: name === '' ? id : name };
}
