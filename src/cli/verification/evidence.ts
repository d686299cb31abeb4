import type {
  Client,
  Explanation,
  Fact,
  Me,
  Review,
  Step,
  Version,
  WorkflowVersion,
} from '../../client/index.js';
import { CommandError } from '../commands/command-error.js';

/** Everything that a server shows of one review, read at one moment. */
export type Evidence = {
  readonly review: Review;
  readonly explanation: Explanation;
  readonly facts: readonly Fact[];
  readonly versions: readonly Version[];
  /** The definition that the run is pinned to; null where the server does not list it. */
  readonly definition: WorkflowVersion | null;
  readonly step: Step;
  readonly me: Me;
};

const MAX_TRIES = 5;

/**
 * Reads all that there is of a review.
 *
 * The review counts its changes in `rev`: what changes while it is read is read again.
 */
export async function readEvidence(client: Client, reviewId: string): Promise<Evidence> {
  const me = await client.me();
  for (let attempt = 1; ; attempt += 1) {
    const review = await client.reviews.get(reviewId);
    const [explanation, facts, versions, definition, step] = await Promise.all([
      client.reviews.explain(reviewId),
      client.reviews.votes(reviewId).take(100_000),
      client.reviews.versions.list(reviewId).take(100_000),
      findDefinition(client, review),
      client.steps.get(review.step_id),
    ]);
    const { rev } = await client.reviews.get(reviewId);
    if (rev === review.rev) {
      return {
        review,
        explanation,
        facts: facts.data,
        versions: versions.data,
        definition,
        step,
        me,
      };
    }
    if (attempt === MAX_TRIES) {
      throw new CommandError(
        `Review ${reviewId} keeps changing while it is read: try again in a moment.`,
      );
    }
  }
}

async function findDefinition(
  client: Client,
  { workflow_id: workflowId, workflow_version_id: versionId }: Review,
): Promise<WorkflowVersion | null> {
  for await (const version of client.workflows.versions(workflowId)) {
    if (version.id === versionId) {
      return version;
    }
  }
  return null;
}
