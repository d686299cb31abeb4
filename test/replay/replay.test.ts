import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, type WorkflowBundleWithSourceMap, Worker } from '@temporalio/worker';
import { beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { workflowSources } from '../../src/cli/workflow-code.js';

const FOLDER = new URL('histories/', import.meta.url);
const silent = { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} };
const recording = z.object({ workflowId: z.string(), history: z.unknown() });
const sources = workflowSources(new URL('../../src/workflows/', import.meta.url), '.ts');
const { payloadConverterPath } = sources;

const releases = readdirSync(FOLDER);
const recordings = releases.flatMap((release) =>
  readdirSync(new URL(`${release}/`, FOLDER)).map((file) => `${release}/${file}`),
);

describe('histories of every release replay, open and closed', () => {
  let workflowBundle: WorkflowBundleWithSourceMap;
  let authorBundle: WorkflowBundleWithSourceMap;

  beforeAll(async () => {
    workflowBundle = await bundleWorkflowCode({ ...sources, logger: silent });
    authorBundle = await bundleWorkflowCode({
      workflowsPath: fileURLToPath(new URL('../workflows/own/workflows.ts', import.meta.url)),
      logger: silent,
    });
  });

  test('there is a recording of every path', () => {
    expect(recordings.length).toBeGreaterThanOrEqual(30);
  });

  test.each(recordings)('%s', async (file) => {
    const text = readFileSync(new URL(file, FOLDER), 'utf8');
    const { workflowId, history } = recording.parse(JSON.parse(text));
    // Authors' own workflows run in workers of theirs, without our payload converter.
    const ofWorker = file.endsWith('.author.json')
      ? { workflowBundle: authorBundle }
      : { workflowBundle, dataConverter: { payloadConverterPath } };
    await Worker.runReplayHistory(ofWorker, history, workflowId);
  });
});
