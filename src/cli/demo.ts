import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { createClient } from '../client/index.js';

const EXAMPLE = new URL('../../examples/invoice-intake/workflow.ts', import.meta.url);
const definition = z.looseObject({
  id: z.string(),
  name: z.string(),
  blocks: z.array(z.looseObject({})),
});

/** The invoice of the parked run: its total is above what needs no review. */
const INVOICE = 'brandt-RE-20417.xml';

/**
 * Declares the example and parks one run of it at its gate, so that a new installation has something
 * to look at. Started again it finds the same run, whatever has become of it.
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
  await client.runs.start({
    workflow_id: id,
    json_inputs: { extract: { file: INVOICE } },
    command_id: 'demo-parked-run',
  });
}
