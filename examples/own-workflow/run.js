// `npm run example:own-workflow`: the worker and one refund, each as a process, beside a stack that runs.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const file = (name) => fileURLToPath(new URL(name, import.meta.url));

const worker = spawn(process.execPath, [file('worker.js')], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
process.on('exit', () => worker.kill('SIGKILL'));
const [first] = await Promise.race([once(worker.stdout, 'data'), once(worker, 'exit')]);
if (!String(first).includes('polls')) {
  throw new Error('the worker did not start: is the stack up? Run npm start in another terminal.');
}
const start = spawn(process.execPath, [file('start.js'), ...process.argv.slice(2)], {
  stdio: 'inherit',
});
const [code] = await once(start, 'exit');
worker.kill('SIGTERM');
await once(worker, 'exit');
process.exit(code ?? 1);
