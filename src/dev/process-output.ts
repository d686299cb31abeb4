import type { ChildProcess } from 'node:child_process';
import { errorText } from './system-error.js';

/** How a short-lived process ended, and all that it wrote; a failure to spawn it counts as output. */
export async function collectOutput(
  child: ChildProcess,
): Promise<{ readonly code: number | null; readonly output: string }> {
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8');
    stream?.on('data', (chunk: string) => {
      output += chunk;
    });
  }
  return await new Promise((resolve) => {
    child.once('error', (error) => {
      resolve({ code: null, output: `${output}${errorText(error)}` });
    });
    child.once('close', (code) => {
      resolve({ code, output });
    });
  });
}
