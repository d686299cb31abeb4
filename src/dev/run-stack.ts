import { once } from 'node:events';
import { startStack, type StackOptions } from './stack.js';

// Not SIGHUP: a handler of our own would undo `nohup`.
const STOP_SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * Runs a stack until somebody stops it, and resolves with the exit code.
 *
 * The first Ctrl-C or SIGTERM ends everything in order, also during the start; the next one does not
 * wait for that.
 *
 * @throws SetupError when the stack cannot start
 */
export async function runStack(options: Omit<StackOptions, 'signal' | 'force'>): Promise<number> {
  const stop = new AbortController();
  const force = new AbortController();
  const onSignal = (): void => {
    (stop.signal.aborted ? force : stop).abort(new Error('stopped by a signal'));
  };
  for (const name of STOP_SIGNALS) {
    process.on(name, onSignal);
  }
  try {
    const asked = once(stop.signal, 'abort');
    const stack = await startStack({ ...options, signal: stop.signal, force: force.signal });
    if (!stop.signal.aborted) {
      await asked;
    }
    await stack.stop();
    return 0;
  } catch (error) {
    if (stop.signal.aborted) {
      return 0;
    }
    throw error;
  } finally {
    for (const name of STOP_SIGNALS) {
      process.off(name, onSignal);
    }
  }
}
