import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { confirm } from '../../src/cli/commands/confirm.js';
import { openNotes } from '../../src/cli/output/waiting.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A stream that keeps what is written to it. */
function stream(isTTY: boolean) {
  const written: string[] = [];
  return { isTTY, write: (text: string) => void written.push(text), written };
}

describe('notes', () => {
  test('are plain lines where nobody looks on', () => {
    const out = stream(false);
    const notes = openNotes(out);
    notes.waitFor('waiting for \u001b[2Jpeople');
    vi.advanceTimersByTime(60_000);
    notes.say('done');
    notes.stop();
    expect(out.written).toEqual(['waiting for \\u001b[2Jpeople …\n', 'done\n']);
  });

  test('move on a terminal, count the time, and leave nothing behind', () => {
    const out = stream(true);
    const notes = openNotes(out);
    notes.waitFor('waiting for people');
    vi.advanceTimersByTime(75_000);
    expect(out.written.at(-1)).toMatch(/\S waiting for people \(1 min 1\d s\)$/);
    notes.say('a line');
    expect(out.written.slice(-3)).toEqual([
      '\r\u001b[2K',
      'a line\n',
      expect.stringContaining('waiting for people'),
    ]);
    notes.stop();
    expect(out.written.at(-1)).toBe('\r\u001b[2K');
    const count = out.written.length;
    vi.advanceTimersByTime(10_000);
    expect(out.written).toHaveLength(count);
  });

  test('say nothing of what does not take long', () => {
    const out = stream(false);
    const notes = openNotes(out);
    notes.waitForSoon('waiting for the server');
    vi.advanceTimersByTime(2_900);
    expect(out.written).toEqual([]);
    notes.stop();
    notes.waitForSoon('waiting for the server');
    vi.advanceTimersByTime(3_100);
    expect(out.written).toEqual(['waiting for the server …\n']);
    notes.waitForSoon('waiting for something else');
    notes.waitFor('waiting for people');
    vi.advanceTimersByTime(60_000);
    expect(out.written.slice(1)).toEqual(['waiting for people …\n']);
  });
});

describe('confirm', () => {
  const terminal = (answer: string | null) => {
    const input = Object.assign(new PassThrough(), { isTTY: true });
    const output = Object.assign(new PassThrough(), { isTTY: true });
    input.end(answer === null ? '' : `${answer}\n`);
    return { input, output };
  };

  test.each(['y', 'Y', 'yes', ' YES '])('takes %j for a yes', async (answer) => {
    vi.useRealTimers();
    await expect(confirm('Send it?', {}, terminal(answer))).resolves.toBeUndefined();
  });

  test.each(['', 'n', 'no', 'yesterday', 'ja'])('takes %j for a no', async (answer) => {
    vi.useRealTimers();
    const asked = confirm('Send it?', {}, terminal(answer));
    await expect(asked).rejects.toThrow('Nothing was sent: the answer was not yes.');
  });

  test('takes the end of the input for no answer', async () => {
    vi.useRealTimers();
    await expect(confirm('Send it?', {}, terminal(null))).rejects.toThrow('there was no answer');
  });

  test('asks nobody where --yes was said, or where no terminal is', async () => {
    const { input, output } = terminal('n');
    await expect(confirm('?', { yes: true }, { input, output })).resolves.toBeUndefined();
    const piped = Object.assign(new PassThrough(), { isTTY: false });
    await expect(confirm('?', {}, { input: piped, output })).resolves.toBeUndefined();
    expect(output.read()).toBeNull();
  });
});
