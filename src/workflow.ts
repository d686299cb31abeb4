// What an author's own workflows import from `countersign/workflow`; it runs inside Temporal's sandbox.
export {
  type Answer,
  type Approved,
  type ReferenceApproved,
  type Refused,
  review,
  type ReviewOfReference,
  type ReviewOfValue,
  type ReviewOptions,
} from './workflows/review.js';
export type { RefusalVerdict } from './domain/external-review.js';
