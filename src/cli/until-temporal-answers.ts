import { TransportError } from '@temporalio/worker';
import { type Failure, type Patience, untilAnswered } from './until-answered.js';

/** Refused credentials, a certificate that does not fit: waiting does not mend them. */
const WRONG_SETTINGS = /authentication credentials|does not have permission|certificate/i;

/**
 * Connects to Temporal as soon as it answers: while it starts or is away, a worker waits.
 *
 * @param onWait told why, each time before it waits
 * @throws TransportError when it has been away for too long; at once whatever waiting does not mend
 */
export async function untilTemporalAnswers<T>(
  connect: () => Promise<T>,
  onWait: (reason: string) => void,
  patience?: Patience,
): Promise<T> {
  const read = (error: unknown): Failure => {
    const reason = error instanceof Error ? error.message : String(error);
    const mayPass = error instanceof TransportError && !WRONG_SETTINGS.test(reason);
    return { mayPass, reason, error };
  };
  return await untilAnswered(connect, read, onWait, patience);
}
