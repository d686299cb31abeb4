// `npm run build`: bundles the workflow code beside the build, so that a worker starts without webpack.
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';

const built = (path: string): string => fileURLToPath(new URL(`../dist/${path}`, import.meta.url));

const { code } = await bundleWorkflowCode({
  workflowsPath: built('workflows/index.js'),
  payloadConverterPath: built('workflows/payload-converter.js'),
});
await writeFile(built('workflow-bundle.js'), code);
