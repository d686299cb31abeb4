import { say } from '../output/printable.js';
import { DOES_NOT_PROVE, PROVES, showChecks } from '../output/verify-text.js';
import { readEvidence } from '../verification/evidence.js';
import { verifyReview } from '../verification/verify-review.js';
import { type CommonOptions, perform } from './perform.js';

/** Carries out `review verify`: exit code 1 when anything differs. */
export async function verify(reviewId: string, options: CommonOptions): Promise<void> {
  await perform(options, async ({ client }) => {
    const evidence = await readEvidence(client, reviewId);
    const checks = verifyReview(evidence);
    const failed = checks.filter(({ passed }) => passed === false);
    return {
      json: {
        review_id: evidence.review.id,
        status: evidence.review.status,
        verified: failed.length === 0,
        checks,
        shown: PROVES,
        not_shown: DOES_NOT_PROVE,
      },
      text: (style) =>
        [
          say`Review ${evidence.review.id} is ${evidence.review.status}.`,
          showChecks(style, checks),
        ].join('\n'),
      failure:
        failed.length === 0
          ? null
          : say`${failed.length} of ${checks.length} checks failed: keep what this printed, and tell an operator.`,
    };
  });
}
