import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { createClient, hasEnded } from '../client/index.js';

const EXAMPLE = new URL('../../examples/invoice-intake/workflow.ts', import.meta.url);
const definition = z.looseObject({
  id: z.string(),
  name: z.string(),
  blocks: z.array(z.looseObject({})),
});

/** The invoice of the parked run: its total is above what needs no review. */
const INVOICE = 'brandt-RE-20417.xml';

/** How long a run of the example may take to reach its gate before the stack is called ready without it. */
const PARKED_WITHIN_MS = 30_000;

/**
 * Declares the example and parks one run of it at its gate, so that a new installation has something
 * to look at. Started again it finds the same run, whatever has become of it.
 *
 * It comes back once the run waits there: whoever reads that the stack is ready finds the review.
 */
export async function parkDemoRun(url: string, tokenFile: string): Promise<void> {
  if (!existsSync(EXAMPLE)) {
    return;
  }
  const loaded: unknown = await import(EXAMPLE.href);
  const { id, name, blocks } = z.object({ default: definition }).parse(loaded).default;
  const token = (await readFile(tokenFile, 'utf8')).trim();
  const client = createClient({ url, token });
  await client.workflows.put(id, { name, blocks });
  const run = await client.runs.start({
    workflow_id: id,
    json_inputs: { extract: { file: INVOICE } },
    command_id: 'demo-parked-run',
  });
  const signal = AbortSignal.timeout(PARKED_WITHIN_MS);
  try {
    await client.runs.waitFor(run.id, {
      until: (seen) => seen.lifecycle.status === 'awaiting_review' || hasEnded(seen),
      signal,
    });
  } catch (error) {
    if (!signal.aborted) {
      throw error;
    }
    console.log(`The example's run ${run.id} is not at its gate yet; everything else is ready.`);
  }
}
