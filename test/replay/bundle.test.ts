import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';
import { expect, test } from 'vitest';

/** Packages that workflow code may drag in; a new name here is somebody's choice. */
const PACKAGES = ['@temporalio/common', '@temporalio/workflow', 'long', 'ms', 'nexus-rpc'];

const silent = { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} };

test('workflow code reaches nothing but workflows and domain, and few packages', async () => {
  const { code } = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../../src/workflows/index.ts', import.meta.url)),
    payloadConverterPath: fileURLToPath(
      new URL('../../src/workflows/payload-converter.ts', import.meta.url),
    ),
    logger: silent,
  });
  const modules = [...code.matchAll(/!\*\*\* (\.\/\S+) \*\*\*!/g)].map(([, path]) => path ?? '');
  expect(modules.length).toBeGreaterThan(20);

  const ours = modules.filter((path) => path.startsWith('./src/'));
  expect(ours.filter((path) => !/^\.\/src\/(workflows|domain)\//.test(path))).toEqual([]);
  expect(ours).toContain('./src/workflows/gated-block-run.ts');

  const packages = modules
    .filter((path) => path.startsWith('./node_modules/'))
    .map((path) => /^\.\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? '');
  expect([...new Set(packages)].toSorted()).toEqual(PACKAGES);
});
