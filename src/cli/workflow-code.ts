import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { BundleOptions, WorkerOptions } from '@temporalio/worker';

/** The options with which the SDK bundles our workflows. */
export type WorkflowSources = Required<
  Pick<BundleOptions, 'workflowsPath' | 'payloadConverterPath' | 'preloadModules'>
>;

/**
 * The sources of our workflows: `.ts` in a checkout, `.js` in a build.
 *
 * They are loaded once a worker, and not once a workflow: that halves what a parked gate takes in memory.
 * So no module of theirs may keep a state; the SDK freezes what they export.
 *
 * @param workflows the folder `workflows` of the sources or of a build
 */
export function workflowSources(workflows: URL, extension: '.ts' | '.js'): WorkflowSources {
  const source = (name: string): string => fileURLToPath(new URL(`${name}${extension}`, workflows));
  const workflowsPath = source('index');
  const payloadConverterPath = source('payload-converter');
  return {
    workflowsPath,
    payloadConverterPath,
    preloadModules: [workflowsPath, payloadConverterPath],
  };
}

/** Our workflows as a worker's options: the prebuilt bundle of an installed package, or the sources of a checkout. */
export function workflowCode(): Pick<
  WorkerOptions,
  'workflowBundle' | 'workflowsPath' | 'bundlerOptions' | 'dataConverter'
> {
  const { workflowsPath, payloadConverterPath, preloadModules } = workflowSources(
    new URL('../workflows/', import.meta.url),
    import.meta.url.endsWith('.ts') ? '.ts' : '.js',
  );
  const codePath = fileURLToPath(new URL('../workflow-bundle.js', import.meta.url));
  return {
    ...(existsSync(codePath)
      ? { workflowBundle: { codePath } }
      : { workflowsPath, bundlerOptions: { preloadModules } }),
    dataConverter: { payloadConverterPath },
  };
}
