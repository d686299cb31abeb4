import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadDefinition } from '../../src/cli/commands/load-definition.js';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-cli-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function aFile(name: string, content: string): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, content);
  return file;
}

const BODY = { name: 'Invoices', blocks: [{ id: 'a' }] };

describe('loadDefinition', () => {
  test.each([
    ['a.json', JSON.stringify({ id: 'invoices', ...BODY })],
    ['bom.json', `\u{FEFF}${JSON.stringify({ workflow_id: 'invoices', ...BODY })}`],
    ['both.json', JSON.stringify({ id: 'invoices', workflow_id: 'invoices', ...BODY })],
    ['b.mjs', `export default { id: 'invoices', ...${JSON.stringify(BODY)} };`],
    ['c.cjs', `module.exports = { id: 'invoices', ...${JSON.stringify(BODY)} };`],
    [
      'd.ts',
      `type D = { id: string }; const d: D = { id: 'invoices' }; export default { ...d, ...${JSON.stringify(BODY)} };`,
    ],
    [
      'e.mts',
      `export default { toJSON: (): object => ({ id: 'invoices', ...${JSON.stringify(BODY)} }) };`,
    ],
  ])('reads %s', async (name, content) => {
    expect(await loadDefinition(await aFile(name, content))).toEqual({
      workflowId: 'invoices',
      body: BODY,
    });
  });

  test('takes the id that the caller gives before that of the file', async () => {
    const file = await aFile('id.json', JSON.stringify({ id: 'invoices', ...BODY }));
    expect(await loadDefinition(file, 'copy')).toEqual({ workflowId: 'copy', body: BODY });
  });

  test.each([
    ['none.json', null, 'there is no such file'],
    ['none.ts', null, 'there is no such file'],
    ['broken.json', '{', 'broken.json is not JSON'],
    ['list.json', '[]', 'holds no workflow definition'],
    ['nothing.ts', 'export const a = 1;', 'holds no workflow definition'],
    ['broken.ts', 'export default {', 'broken.ts cannot be loaded'],
    ['throws.ts', "throw new Error('no such thing'); export default {};", 'no such thing'],
    ['big.mjs', 'export default { id: 1n };', 'cannot be loaded'],
    ['nameless.json', '{"blocks":[]}', 'does not say which workflow it is'],
    ['number.json', '{"id":1,"blocks":[]}', 'does not say which workflow it is'],
    ['two.json', '{"id":"a","workflow_id":"b","blocks":[]}', 'and they differ'],
  ])('says what is wrong with %s', async (name, content, message) => {
    const file = content === null ? join(folder, name) : await aFile(name, content);
    await expect(loadDefinition(file)).rejects.toThrow(message);
    await expect(loadDefinition(file)).rejects.toMatchObject({ name: 'CommandError' });
  });
});
