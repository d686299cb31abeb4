import { isJsonObject, type JsonObject } from '../../../domain/json.js';
import type { AuditedAct } from '../../../store/overlays.js';
import { showTime } from '../../fields.js';
import type { ActorBody } from '../retab/people.js';

/** What the audit of an overlay tells. What reopens a review is an approval that was taken back. */
export const AUDIT_ACTIONS = [
  'gate_fired',
  'version_added',
  'claimed',
  'released',
  'decision_made',
  'reopened',
  'stale_write_rejected',
] as const;
type AuditAction = (typeof AUDIT_ACTIONS)[number];

const SHOWN_ACTIONS: Readonly<Record<string, AuditAction>> = {
  gate_fired: 'gate_fired',
  version_added: 'version_added',
  review_held: 'claimed',
  hold_released: 'released',
  decision_made: 'decision_made',
  stale_write_rejected: 'stale_write_rejected',
};

type AuditEntryBody = {
  readonly entry_id: string;
  readonly action: AuditAction;
  readonly actor: ActorBody;
  readonly at: string;
  readonly rev_observed: number;
  readonly rev_result: number | null;
  readonly detail: JsonObject;
};

/** A line of the audit as this contract shows it; none for what came after `rev`, or means nothing here. */
export function showAct(act: AuditedAct, rev: number): readonly AuditEntryBody[] {
  const { detail: kept }: { readonly detail: unknown } = act;
  const stored: JsonObject = isJsonObject(kept) ? kept : {};
  const { rev_result: stampedResult, rev_observed: stampedObserved, reopened, ...detail } = stored;
  const action = reopened === true ? 'reopened' : SHOWN_ACTIONS[act.action];
  const result =
    action === 'gate_fired' ? 0 : typeof stampedResult === 'number' ? stampedResult : null;
  if (action === undefined || (result !== null && result > rev)) {
    return [];
  }
  const observed =
    typeof stampedObserved === 'number' ? stampedObserved : Math.max(0, (result ?? rev) - 1);
  return [
    {
      entry_id: `aud_${act.id}`,
      action,
      actor: showActing(act),
      at: showTime(act.at),
      rev_observed: observed,
      rev_result: result,
      detail,
    },
  ];
}

function showActing({ actorId, actorName, isPerson }: AuditedAct): ActorBody {
  const name = actorId === 'countersign' ? 'Countersign' : actorName;
  return {
    kind: isPerson ? 'human' : 'agent',
    id: actorId,
    display_name: name === null || name === '' ? actorId : name,
  };
}
