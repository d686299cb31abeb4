import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';
import { expect, test } from 'vitest';

const silent = { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} };

test('an own workflow that makes its policy with gate drags in the builder and nothing else', async () => {
  const { code } = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('fixtures/own-workflow.ts', import.meta.url)),
    logger: silent,
  });
  const modules = [...code.matchAll(/!\*\*\* (\.\/\S+) \*\*\*!/g)].map(([, path]) => path ?? '');
  const ours = modules.filter((path) => path.startsWith('./src/'));
  expect(ours).toContain('./src/authoring/own-gate.ts');
  expect(ours.filter((path) => !/^\.\/src\/(authoring|domain)\//.test(path))).toEqual([
    './src/blocks.ts',
    './src/index.ts',
  ]);
  const packages = modules.flatMap(
    (path) => /^\.\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? [],
  );
  expect(
    [...new Set(packages)].filter((name) => !/^(@temporalio\/.*|long|ms|nexus-rpc)$/.test(name)),
  ).toEqual([]);
});
