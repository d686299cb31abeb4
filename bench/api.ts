import { createServer } from 'node:http';
import { LOOPBACK } from '../src/dev/ports.js';
import { built } from './support/built.js';

// `countersign api` as it is, with its statements and requests recorded where that is asked for; and, beside
// it, a server whose answers are empty, which says what a request costs that nothing is done for.
if (process.env['BENCH_TRACE'] === 'yes') {
  await import('./trace.js');
}
createServer((request, response) => {
  request.resume();
  response.end();
})
  .listen(Number(process.env['BENCH_EMPTY_PORT']), LOOPBACK)
  .unref();
await built('cli/main');
