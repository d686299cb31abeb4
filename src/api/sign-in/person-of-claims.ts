import type { Role } from '../../domain/people.js';
import type { PersonStatement } from '../../store/people.js';
import { isStorable } from '../fields.js';
import type { OidcSettings } from './oidc-settings.js';

/** Whom claims speak of; null when they do not say by an id that can be used. */
export function personOfClaims(
  claims: Readonly<Record<string, unknown>>,
  { idClaim, groupsClaim, roleMap }: OidcSettings,
): PersonStatement | null {
  const id = textOf(claims[idClaim]);
  if (id === '') {
    return null;
  }
  const groups = groupsOf(claims[groupsClaim]);
  const mapped = groups.flatMap((group) => (Object.hasOwn(roleMap, group) ? roleMap[group] : []));
  const roles = new Set<Role>(['reviewer', ...mapped.filter((role) => role !== undefined)]);
  return {
    id,
    name: textOf(claims['name']) || textOf(claims['preferred_username']) || id,
    email: textOf(claims['email']),
    slackId: '',
    groups,
    roles: [...roles],
  };
}

function groupsOf(claim: unknown): readonly string[] {
  const values: readonly unknown[] = Array.isArray(claim) ? claim : [claim];
  return values.map(textOf).filter((group) => group !== '');
}

/** A claim as text that can be stored; empty where it is none. */
function textOf(claim: unknown): string {
  return typeof claim === 'string' && claim.length <= 200 && isStorable(claim) ? claim : '';
}
