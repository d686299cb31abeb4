import { createEventReader } from './event-lines.js';
import type { Change } from './wire.js';

/** How the page learns of changes: told at once, or by asking every few seconds. */
export type LiveState = 'connecting' | 'live' | 'polling';

/** What a stream of changes tells. */
export type LiveListener = {
  readonly onChange: (changes: readonly Change[]) => void;
  /** Something may have been missed: whatever is shown has to be read again. */
  readonly onGap: () => void;
  readonly onState: (state: LiveState) => void;
};

/** A stream begins with a word. Where something on the way holds it back, it is no stream. */
const FIRST_WORD_MS = 10_000;
/** The server says something every 15 seconds; twice that without a word means that nobody is there. */
const SILENCE_MS = 35_000;
const RETRY_MS = 5_000;
/** Many changes at once are one change to a page. */
const GATHER_MS = 300;

/**
 * Listens for changes until it is told to stop, and connects again by itself.
 *
 * `EventSource` would hide the server's pings, and with them that a stream has fallen silent; so the stream is read here.
 */
export function listen(listener: LiveListener): () => void {
  const stop = new AbortController();
  let gathered: Change[] = [];
  let timer: ReturnType<typeof setTimeout> | null = null;
  const flush = (): void => {
    timer = null;
    const changes = gathered;
    gathered = [];
    listener.onChange(changes);
  };
  let isFirst = true;
  const onGap = (): void => {
    // A stream begins with one, and the page has just been read.
    if (!isFirst) {
      listener.onGap();
    }
    isFirst = false;
  };
  const onChange = (change: Change): void => {
    gathered.push(change);
    timer ??= setTimeout(flush, GATHER_MS);
  };
  void (async () => {
    while (!stop.signal.aborted) {
      await readStream(stop.signal, {
        onWord: () => listener.onState('live'),
        onChange,
        onGap,
      });
      if (!stop.signal.aborted) {
        listener.onState('polling');
        await pause(RETRY_MS, stop.signal);
      }
    }
  })();
  return () => {
    stop.abort();
    if (timer !== null) {
      clearTimeout(timer);
    }
  };
}

/** Reads one stream to its end, whatever ends it. */
async function readStream(
  stop: AbortSignal,
  on: {
    readonly onWord: () => void;
    readonly onChange: (change: Change) => void;
    readonly onGap: () => void;
  },
): Promise<void> {
  const silence = new AbortController();
  let watchdog = setTimeout(() => silence.abort(), FIRST_WORD_MS);
  try {
    const response = await fetch('/v1/events', {
      headers: { accept: 'text/event-stream' },
      credentials: 'same-origin',
      signal: AbortSignal.any([stop, silence.signal]),
    });
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
    if (!response.ok || !isStream || response.body === null) {
      await response.body?.cancel();
      return;
    }
    const read = createEventReader();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => silence.abort(), SILENCE_MS);
      on.onWord();
      for (const { event, data } of read(chunk.value)) {
        const change = event === 'change' ? parseChange(data) : null;
        if (change !== null) {
          on.onChange(change);
        } else if (event === 'resync') {
          on.onGap();
        }
      }
    }
  } catch {
    // A stream that breaks is a stream that has ended: the caller asks instead, and tries again.
  } finally {
    clearTimeout(watchdog);
  }
}

function parseChange(text: string): Change | null {
  try {
    const value: unknown = JSON.parse(text);
    // The server's own word for it; an unknown kind makes nothing stale.
    return value as Change; // oxlint-disable-line typescript/no-unsafe-type-assertion
  } catch {
    return null;
  }
}

async function pause(ms: number, stop: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    stop.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
