import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadDefinition } from '../../src/cli/commands/load-definition.js';

const BUILDER = fileURLToPath(new URL('../../src/index.ts', import.meta.url));

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-push-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function aModule(name: string, blocks: string): Promise<string> {
  const file = join(folder, name);
  const source = `
    import { block, defineWorkflow, group, supplied } from ${JSON.stringify(BUILDER)};
    const note = block.task('note', { executor: supplied() }).review({ approve: group('ops') });
    export default defineWorkflow({ id: 'notes', name: 'Notes', blocks: ${blocks} });`;
  await writeFile(file, source);
  return file;
}

test.each(['a.mts', 'b.ts'])('a workflow file may use the builder: %s', async (name) => {
  expect(await loadDefinition(await aModule(name, '[note]'))).toEqual({
    workflowId: 'notes',
    body: {
      name: 'Notes',
      blocks: [
        {
          id: 'note',
          type: 'task',
          executor: { kind: 'supplied' },
          review: { groups: [{ group: 'ops' }] },
        },
      ],
    },
  });
});

test('what is wrong with it is said a line each', async () => {
  const file = await aModule('wrong.mts', '[note, note, {}]');
  await expect(loadDefinition(file)).rejects.toThrow(
    new RegExp(
      'wrong\\.mts declares a workflow that is wrong: correct it\\.\\n' +
        'The blocks of a workflow are .*\\n' +
        'Two blocks have the id "note": give one of them another\\.$',
    ),
  );
});
