import type { ChildProcess } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import { open, rename, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';

const KEPT_LINES = 20;
const ROTATE_BYTES = 10 * 1024 * 1024;

/** What a process writes: read for as long as it lives, into a file, with the last lines kept for an error. */
export type ProcessLog = {
  readonly path: string;
  /** Reads both outputs of a process from now on. */
  follow(child: ChildProcess): void;
  lastLines(): readonly string[];
  close(): Promise<void>;
};

/** Opens the log file of one process, for appending; a file that has grown large is set aside first. */
export async function openProcessLog(
  path: string,
  onLine: (line: string) => void = () => undefined,
): Promise<ProcessLog> {
  const size = await stat(path).then(
    (file) => file.size,
    () => 0,
  );
  if (size > ROTATE_BYTES) {
    await rename(path, `${path}.1`);
  }
  await (await open(path, 'a', 0o600)).close(); // a file that we may not write fails here, not in a stream later
  const file = createWriteStream(path, { flags: 'a', mode: 0o600 });
  file.on('error', () => undefined); // a full disk must not end the stack
  const kept: string[] = [];
  const keep = (line: string): void => {
    kept.push(line);
    if (kept.length > KEPT_LINES) {
      kept.shift();
    }
    onLine(line);
  };
  return {
    path,
    follow: ({ stdout, stderr }) => {
      for (const stream of [stdout, stderr]) {
        if (stream !== null) {
          readLines(stream, file, keep);
        }
      }
    },
    lastLines: () => kept,
    close: async () => {
      file.end();
      await finished(file).catch(() => undefined);
    },
  };
}

function readLines(stream: Readable, file: WriteStream, keep: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('error', () => undefined); // the pipe of a process that was killed
  stream.on('data', (chunk: string) => {
    if (file.writable) {
      file.write(chunk);
    }
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      keep(line);
    }
  });
  stream.on('end', () => {
    if (rest !== '') {
      keep(rest);
    }
  });
}
