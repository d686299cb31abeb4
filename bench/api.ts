// `countersign api` as it is, with its statements and requests recorded where that is asked for.
if (process.env['BENCH_TRACE'] === 'yes') {
  await import('./trace.js');
}
await import('../src/cli/main.js');
