import { printable } from './printable.js';

/** Where notes go; standard error is one. */
export type NoteStream = {
  readonly isTTY?: boolean;
  write(text: string): unknown;
};

/** Tells a person what a command does while it takes long; nothing of it is a result. */
export type Notes = {
  /** Writes a line (or several) at once. */
  say(text: string): void;
  /** Says what is waited for from now on: a moving line on a terminal, elsewhere one plain line. */
  waitFor(what: string): void;
  /** The same, once it has taken a while. */
  waitForSoon(what: string): void;
  /** Ends the waiting, and leaves nothing of the moving line. */
  stop(): void;
};

const PATIENCE_MS = 3_000;
const FRAME_MS = 120;
const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const CLEAR_LINE = '\r\u001b[2K';

/** Opens the notes of a command on a stream. */
export function openNotes(stream: NoteStream): Notes {
  const isTerminal = stream.isTTY === true;
  let moving: { readonly what: string; readonly since: number } | null = null;
  let timer: NodeJS.Timeout | null = null;
  let frame = 0;

  const clear = (): void => {
    if (isTerminal && moving !== null) {
      stream.write(CLEAR_LINE);
    }
  };
  const draw = (): void => {
    if (moving !== null) {
      frame += 1;
      const seconds = Math.floor((performance.now() - moving.since) / 1_000);
      stream.write(
        `${CLEAR_LINE}${FRAMES[frame % FRAMES.length] ?? ''} ${moving.what} (${showSeconds(seconds)})`,
      );
    }
  };
  const stop = (): void => {
    clear();
    moving = null;
    if (timer !== null) {
      clearTimeout(timer);
      timer = null;
    }
  };
  const waitFor = (what: string): void => {
    stop();
    if (!isTerminal) {
      stream.write(`${printable(what)} …\n`);
      return;
    }
    moving = { what: printable(what), since: performance.now() };
    draw();
    timer = setInterval(draw, FRAME_MS);
    timer.unref();
  };
  return {
    say: (text) => {
      clear();
      stream.write(`${text}\n`);
      draw();
    },
    waitFor,
    waitForSoon: (what) => {
      stop();
      timer = setTimeout(() => waitFor(what), PATIENCE_MS);
      timer.unref();
    },
    stop,
  };
}

function showSeconds(seconds: number): string {
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
