import type { Gate } from './definition.js';
import { parseDurationMs } from './duration.js';
import type { Policy, Release } from './policy.js';

/** Takes from a stored gate the rules that count votes, and leaves its prose behind. */
export function compilePolicy(gate: Gate): Policy {
  return {
    groups: gate.groups,
    reviewers: gate.reviewers,
    minApprovals: gate.min_approvals,
    selfApproval: gate.self_approval,
    onePersonOneEntry: gate.one_person_one_entry,
    corrections: gate.corrections,
    correctionAuthorMayApprove: gate.correction_author_may_approve,
    release: compileRelease(gate.release),
    onReject: gate.on_reject,
    forceApprovalGroups: gate.force_approval_groups,
    acknowledgeSuperseded: gate.acknowledge_superseded,
  };
}

function compileRelease(release: Gate['release']): Release {
  if (release === 'auto' || release === 'manual') {
    return release;
  }
  const afterMs = parseDurationMs(release.after);
  if (afterMs === null) {
    throw new Error(`a stored gate has the release delay '${release.after}'`);
  }
  return { afterMs };
}
