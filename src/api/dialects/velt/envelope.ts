import { z } from 'zod';
import { isTerminal, type ReviewStatus } from '../../../domain/statuses.js';
import { text } from '../../fields.js';

export const tag = 'Workflow (Velt)';

/** The form of every request; keys inside of `data` that are not known are ignored. */
export function request<Shape extends z.core.$ZodLooseShape>(id: string, shape: Shape) {
  return z.strictObject({ data: z.object(shape) }).meta({ id });
}

/** The form of every success. */
export function result<Shape extends z.core.$ZodLooseShape>(id: string, shape: Shape) {
  return z.object({ result: z.object(shape) }).meta({ id });
}

/** An id of any form that names something. */
export const id = text(512).min(1);

/** Why somebody decided so. */
export const reason = text(2000);

/** How a review stands, in the contract's words. */
export const aggregatorStatus = z.enum(['pending', 'resolved', 'rejected']);

/** How a review stands: what was taken back or cancelled counts as rejected. */
export function showAggregator(status: ReviewStatus): z.infer<typeof aggregatorStatus> {
  if (!isTerminal(status)) {
    return 'pending';
  }
  return status === 'REJECTED' || status === 'REVOKED' ? 'rejected' : 'resolved';
}
