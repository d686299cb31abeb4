import { status } from '@grpc/grpc-js';
import {
  isGrpcServiceError,
  NamespaceNotFoundError,
  ServiceError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
} from '@temporalio/client';

/** What came of telling Temporal something. */
export type Delivery =
  | { readonly kind: 'delivered' }
  /** Try again later; an outage counts for the breaker. */
  | { readonly kind: 'retry'; readonly reason: string; readonly isOutage: boolean }
  /** Temporal was not asked: the store did not say what to send. */
  | { readonly kind: 'unsent'; readonly reason: string }
  /** The workflow has ended: the store says whether that is as it should be. */
  | { readonly kind: 'closed' }
  /** It never started, is past its retention, or was lost by the server. */
  | { readonly kind: 'missing' }
  /** Our bug or bad data: trying again would not help. */
  | { readonly kind: 'permanent'; readonly reason: string }
  /** Credentials, namespace: everything is held until an operator mends it. */
  | { readonly kind: 'config'; readonly reason: string };

/** Reads from an error of Temporal's client what it means for something that is owed. */
export function classify(error: unknown): Delivery {
  if (error instanceof WorkflowExecutionAlreadyStartedError) {
    return { kind: 'closed' };
  }
  if (error instanceof WorkflowNotFoundError) {
    return gone(error.message);
  }
  if (error instanceof NamespaceNotFoundError) {
    return { kind: 'config', reason: `namespace '${error.namespace}' does not exist` };
  }
  const grpc = grpcErrorOf(error);
  if (grpc === null) {
    const reason = error instanceof Error ? error.message : String(error);
    return { kind: 'retry', reason, isOutage: true };
  }
  const reason = `${status[grpc.code]}: ${grpc.details}`;
  switch (grpc.code) {
    case status.NOT_FOUND:
      return gone(reason);
    case status.INVALID_ARGUMENT:
    case status.FAILED_PRECONDITION:
      return { kind: 'permanent', reason };
    case status.RESOURCE_EXHAUSTED:
      // A rate limit or a closing workflow passes; a message over 4 MB stays too large.
      return /message larger than max/i.test(reason)
        ? { kind: 'permanent', reason }
        : { kind: 'retry', reason, isOutage: false };
    case status.UNAUTHENTICATED:
    case status.PERMISSION_DENIED:
    case status.UNIMPLEMENTED:
      return { kind: 'config', reason };
    default:
      // Voters read the reason; what the channel says of addresses and load balancing helps nobody.
      return {
        kind: 'retry',
        reason: OUTAGES.get(grpc.code) ?? reason,
        isOutage: OUTAGES.has(grpc.code),
      };
  }
}

const OUTAGES: ReadonlyMap<status, string> = new Map([
  [status.UNAVAILABLE, 'Temporal cannot be reached'],
  [status.DEADLINE_EXCEEDED, 'Temporal did not answer in time'],
  [status.CANCELLED, 'the connection to Temporal was closed'],
]);

function grpcErrorOf(error: unknown): { readonly code: status; readonly details: string } | null {
  if (isGrpcServiceError(error)) {
    return error;
  }
  return error instanceof ServiceError && isGrpcServiceError(error.cause) ? error.cause : null;
}

// The client drops the typed detail, so the two are told apart by the message; a test against the
// server pins it.
function gone(message: string): Delivery {
  return { kind: /already completed/i.test(message) ? 'closed' : 'missing' };
}
