// `npm run build`: bundles the workflow code beside the build, so that a worker starts without webpack.
import { writeFile } from 'node:fs/promises';
import { bundleWorkflowCode } from '@temporalio/worker';
import { workflowSources } from '../src/cli/workflow-code.js';

const build = new URL('../dist/', import.meta.url);

const { code } = await bundleWorkflowCode(workflowSources(new URL('workflows/', build), '.js'));
await writeFile(new URL('workflow-bundle.js', build), code);
