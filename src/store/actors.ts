import type { Role, Scope, Voter } from '../domain/people.js';

/** The one project there is until tenants are built; every row carries it. */
const DEFAULT_PROJECT_ID = 'prj_default';

/** Whoever asks something of the store: a person or a service with their credential, or the system. */
export type Actor = {
  readonly projectId: string;
  readonly id: string;
  readonly kind: 'person' | 'service' | 'system';
  readonly name: string;
  readonly email: string;
  readonly groups: readonly string[];
  readonly roles: readonly Role[];
  readonly scopes: readonly Scope[];
  /** The token that was shown, for the audit; null where none was needed. */
  readonly tokenId: string | null;
};

/** Countersign itself: reconciler, doctor, and what follows from an operator's act in Temporal. */
export const SYSTEM: Actor = {
  projectId: DEFAULT_PROJECT_ID,
  id: 'countersign',
  kind: 'system',
  name: 'Countersign',
  email: '',
  groups: [],
  roles: [],
  scopes: [],
  tokenId: null,
};

/** An actor as the rules of the domain see them; the system counts as a service there. */
export function asVoter(actor: Actor): Voter {
  const { id, groups, roles } = actor;
  return { id, kind: actor.kind === 'person' ? 'person' : 'service', groups, roles };
}
