import { build } from './built.js';
import { openStage, type Stage, type StageOptions } from './stage.js';

/**
 * Runs a bench on a stage of its own and ends this process: also on Ctrl-C, on an error, and after the
 * time that it may take at most. The exit code is 1 when it did not run to its end, or was not satisfied.
 *
 * @param bench says whether it is satisfied
 */
export async function runBench(
  options: Omit<StageOptions, 'say'> & { readonly limitMs: number },
  bench: (stage: Stage, say: (line: string) => void) => Promise<boolean>,
): Promise<never> {
  const say = (line: string): void => {
    process.stderr.write(`${line}\n`);
  };
  const ended = new AbortController();
  const stopped = new Promise<never>((_, reject) => {
    ended.signal.addEventListener('abort', () => {
      reject(new Error(String(ended.signal.reason)));
    });
  });
  process.once('SIGINT', () => ended.abort('stopped'));
  process.once('SIGTERM', () => ended.abort('stopped'));
  setTimeout(
    () =>
      ended.abort(`not done after ${options.limitMs / 60_000} minutes: the machine is too busy`),
    options.limitMs,
  ).unref();
  let stage: Stage | null = null;
  let isSatisfied = false;
  try {
    say('building what is measured');
    await Promise.race([build(), stopped]);
    stage = await Promise.race([openStage({ ...options, say }), stopped]);
    isSatisfied = await Promise.race([bench(stage, say), stopped]);
  } catch (error) {
    say(`bench: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
  await stage?.stop();
  process.exit(isSatisfied ? 0 : 1);
}
