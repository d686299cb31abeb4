import { exitText, type Exit, type Running, type StopOptions } from './running.js';
import { errorText } from './system-error.js';
import { pause } from './wait.js';

/** A process to keep running. `start` is called again after each unexpected end; the signal ends a start early. */
export type Spec = {
  readonly name: string;
  readonly start: (signal: AbortSignal) => Promise<Running>;
};

export type ChildStatus = {
  readonly name: string;
  /** `waiting`: it ended, and is started again after a pause. */
  readonly state: 'starting' | 'running' | 'waiting' | 'stopping' | 'stopped';
  readonly pid: number | null;
  /** Unexpected ends, and starts that failed, since the beginning. */
  readonly failures: number;
  readonly lastExit: Exit | null;
};

export type SupervisorOptions = {
  /** The pause before the first restart; it doubles with each failure in a row. */
  readonly firstPauseMs?: number;
  readonly longestPauseMs?: number;
  /** A process that ran for so long begins at the first pause again. */
  readonly steadyAfterMs?: number;
  /** One line for a person, when a process ends unexpectedly and when it is back. */
  readonly onEvent?: (line: string) => void;
  /** Waits; tests look at what is asked for. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
};

export type Supervisor = {
  /** Starts a process and keeps it running. Rejects, and forgets it, when the first start fails. */
  add(spec: Spec): Promise<void>;
  /** What there is to see, in order of start. */
  status(): readonly ChildStatus[];
  /** Ends everything in reverse order of start, one after the other. A repeat joins the first and may add force. */
  stop(options?: StopOptions): Promise<void>;
};

type Child = {
  readonly spec: Spec;
  state: ChildStatus['state'];
  running: Running | null;
  failures: number;
  lastExit: Exit | null;
  /** Settles when it has ended for good. */
  done: Promise<void>;
};

/** Keeps processes running: restarts one that ends, after a pause that grows while it keeps failing. */
export function createSupervisor(options: SupervisorOptions = {}): Supervisor {
  const {
    firstPauseMs = 250,
    longestPauseMs = 10_000,
    steadyAfterMs = 30_000,
    onEvent = () => undefined,
    wait = pause,
  } = options;
  const children: Child[] = [];
  const ending = new AbortController();
  const { signal } = ending;
  let forced = false;
  let stopping: Promise<void> | undefined;

  async function start(child: Child): Promise<void> {
    child.state = 'starting';
    const running = await child.spec.start(signal);
    child.running = running;
    child.state = 'running';
  }

  /** Follows one child through its restarts, until the supervisor stops. */
  async function keepRunning(child: Child): Promise<void> {
    let pauseMs = firstPauseMs;
    while (!signal.aborted) {
      if (child.running !== null) {
        const startedAt = performance.now();
        child.lastExit = await child.running.exited;
        child.running = null;
        if (signal.aborted) {
          break;
        }
        if (performance.now() - startedAt >= steadyAfterMs) {
          pauseMs = firstPauseMs;
        }
        child.failures += 1;
        onEvent(
          `${child.spec.name} ended unexpectedly (${exitText(child.lastExit)}); starting it again`,
        );
      }
      child.state = 'waiting';
      try {
        await wait(pauseMs, signal);
        pauseMs = Math.min(pauseMs * 2, longestPauseMs);
        await start(child);
        if (!signal.aborted) {
          onEvent(`${child.spec.name} runs again`);
        }
      } catch (error) {
        if (!signal.aborted) {
          child.failures += 1;
          onEvent(`${child.spec.name} could not be started: ${errorText(error)}`);
        }
      }
    }
  }

  async function end(child: Child): Promise<void> {
    child.state = 'stopping';
    await child.running?.stop({ force: forced });
    await child.done;
    await child.running?.stop({ force: forced }); // a start that did not heed the signal gave us one after all
    child.state = 'stopped';
  }

  async function stopAll(): Promise<void> {
    ending.abort(new Error('the stack is being stopped'));
    for (const child of children.toReversed()) {
      await end(child);
    }
  }

  return {
    add: async (spec) => {
      signal.throwIfAborted();
      const child: Child = {
        spec,
        state: 'starting',
        running: null,
        failures: 0,
        lastExit: null,
        done: Promise.resolve(),
      };
      children.push(child);
      const started = start(child);
      child.done = started.then(
        () => keepRunning(child),
        () => undefined,
      );
      try {
        await started;
      } catch (error) {
        children.splice(children.indexOf(child), 1);
        throw error;
      }
    },
    status: () =>
      children.map(({ spec, state, running, failures, lastExit }) => ({
        name: spec.name,
        state,
        pid: running?.pid ?? null,
        failures,
        lastExit,
      })),
    stop: async ({ force = false } = {}) => {
      if (force && !forced) {
        forced = true;
        for (const { running } of children) {
          void running?.stop({ force }); // the one that is being waited for, above all
        }
      }
      stopping ??= stopAll();
      await stopping;
    },
  };
}
