import type { Response } from 'express';
import type { ChangeHub } from './change-hub.js';

/** An answer that goes on: whoever serves it hands over the response. */
export type Stream = { readonly kind: 'stream'; readonly open: (response: Response) => void };

/** A silent stream is told from a dead one by a comment every so often. */
const PING_EVERY_MS = 15_000;
/** How much may wait for a slow reader before it is let go; it will reconnect and read afresh. */
const MAX_BUFFERED_BYTES = 1024 * 1024;

/**
 * Server-sent events of what changes in a project: kinds and ids, never content.
 *
 * `event: change` carries one change. `event: resync` says that some may have been missed: whatever
 * is shown has to be read again. A stream begins so, once it hears of everything that changes from then on.
 *
 * @param isWelcome whether the listener's session or token is still good; asked at every ping, and the stream ends when not
 */
export function changeStream(
  hub: ChangeHub,
  projectId: string,
  isWelcome: () => Promise<boolean>,
  pingEveryMs = PING_EVERY_MS,
): Stream {
  return {
    kind: 'stream',
    open: (response) => {
      response.status(200).set({
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        // Some proxies hold back what they have not been told to let through.
        'x-accel-buffering': 'no',
      });
      response.flushHeaders();
      let count = 0;
      const send = (event: string, data: object): void => {
        count += 1;
        response.write(`id: ${count}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
        if (response.writableLength > MAX_BUFFERED_BYTES) {
          response.destroy();
        }
      };
      const unsubscribe = hub.subscribe({
        onChange: (change) => {
          if (change === null) {
            send('resync', {});
          } else if (change.projectId === projectId) {
            send('change', { kind: change.kind, id: change.id, run_id: change.runId });
          }
        },
        onEnd: () => response.end(),
      });
      const pinging = setInterval(() => {
        response.write(': still here\n\n');
        // Whoever cannot be asked about, as PostgreSQL is away, is told nothing in the meantime either.
        isWelcome().then(
          (isStill) => isStill || response.end(),
          () => undefined,
        );
      }, pingEveryMs);
      response.once('close', () => {
        clearInterval(pinging);
        unsubscribe();
      });
    },
  };
}
