import { z } from 'zod';
import { anyId, jsonObject, newId, text } from '../../fields.js';

// The bodies of this contract. Its client sends every key, nulls included: null means absent, and
// keys that are not known here are ignored.

/** The path of an overlay. */
export const params = z.object({ run_id: anyId, block_id: anyId });

/** The `rev` that the caller has seen. */
const stamp = z.int().min(0).meta({ description: 'The `rev` of the overlay that was read.' });
const seq = z.int().min(0).nullish();
const commandId = newId.nullish().meta({
  description: 'The same id with the same body is carried out once.',
});

const unserved = z
  .null({ error: 'Reviews are not escalated by this route: leave escalate_to out.' })
  .optional();

/** A verdict, and the version it is about: one that is there, or one that it brings with it. */
export const decisionRequest = z
  .object({
    verdict: z.enum(['approved', 'rejected']),
    version_stamp: stamp,
    edited_output: jsonObject.nullish(),
    reviewable_value: jsonObject.nullish().meta({ description: 'A synonym of `edited_output`.' }),
    on_seq: seq,
    effective_seq: seq,
    reason: text(10_000).nullish(),
    escalate_to: unserved,
    command_id: commandId,
  })
  .superRefine((body, context) => {
    const complain = (key: string, message: string): void => {
      context.addIssue({ code: 'custom', path: [key], message });
    };
    const isRejection = body.verdict === 'rejected';
    const edits = (['edited_output', 'reviewable_value'] as const).filter(
      (key) => (body[key] ?? null) !== null,
    );
    const effective = (body.effective_seq ?? null) !== null ? (['effective_seq'] as const) : [];
    if (isRejection) {
      for (const key of [...edits, ...effective]) {
        complain(key, `Only an approval has ${key}: leave it out of a rejection.`);
      }
      if ((body.reason ?? '').trim() === '') {
        complain('reason', 'A rejection needs a reason: say in some words what is wrong.');
      }
    } else if (edits.length === 2) {
      complain('reviewable_value', 'It means the same as edited_output: send one of them.');
    } else if (edits.length > 0 && effective.length > 0) {
      complain('effective_seq', 'What was edited becomes effective: leave effective_seq out.');
    }
  })
  .meta({ id: 'OverlayDecisionRequest' });

/** A further version, made from one that is there. */
export const versionRequest = z
  .object({
    snapshot: jsonObject,
    version_stamp: stamp,
    origin: z.enum(['human_edit', 'agent_edit']).nullish(),
    parent_seq: seq,
    note: text(10_000).nullish(),
    command_id: commandId,
  })
  .meta({ id: 'OverlayVersionRequest' });

/** A hold, from now on for so long. */
export const claimRequest = z
  .object({ version_stamp: stamp, ttl_seconds: z.int().min(30).max(86_400).nullish() })
  .meta({ id: 'OverlayClaimRequest' });

/** The end of a hold. */
export const releaseRequest = z
  .object({ version_stamp: stamp })
  .meta({ id: 'OverlayReleaseRequest' });
