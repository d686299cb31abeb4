import { defaultPayloadConverter, type PayloadConverter } from '@temporalio/common';

/**
 * The default converter, but what cannot be decoded reads as null.
 *
 * A signal is decoded while the workflow task runs, before any handler sees it: one that throws there
 * fails the task, and every retry of it, for good. Anybody who reaches Temporal could so block a gate
 * with one garbled signal. A null is no `ReviewerDecision`, so the gate reads the store and goes on.
 */
export const payloadConverter: PayloadConverter = {
  toPayload: (value) => defaultPayloadConverter.toPayload(value),
  fromPayload: (payload) => {
    try {
      return defaultPayloadConverter.fromPayload(payload);
    } catch {
      // The converter's type promises whatever the caller wants; callers parse what signals bring.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      return null as never;
    }
  },
};
