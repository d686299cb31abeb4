import { describe, expect, test } from 'vitest';
import {
  describeProblems,
  externalWorkflowId,
  parseExternalRequest,
} from '../../src/rules/external-request.js';
import { ID_FORM } from '../../src/rules/definition-shapes.js';
import { aRequest } from '../support/external.js';

function saidOf(about: object): string {
  const parsed = parseExternalRequest({ ...aRequest(), ...about });
  return 'problems' in parsed ? describeProblems(parsed.problems) : 'nothing';
}

describe('what an own workflow asks for', () => {
  test('becomes a definition of one supplied block', () => {
    const request = aRequest({
      policy: { name: 'Refund', groups: ['finance'] },
      block_type: 'classifier',
      categories: ['a', 'b'],
      json_schema: { type: 'object' },
    });
    expect(parseExternalRequest(request)).toMatchObject({
      request,
      definition: {
        workflow_id: 'external:refund',
        blocks: [
          {
            id: 'review',
            type: 'classifier',
            executor: { kind: 'supplied' },
            categories: ['a', 'b'],
            json_schema: { type: 'object' },
          },
        ],
      },
      gate: {
        name: 'Refund',
        placement: 'output',
        on_reject: 'cancel_run',
        groups: [{ group: 'finance', required: 1 }],
      },
    });
  });

  test.each([
    ['both snapshots', { snapshot_ref: 'snp_x' }, 'snapshot: expected either'],
    ['no snapshot', { snapshot: null }, 'snapshot: expected either'],
    ['a secret in place of a snapshot', { snapshot: 'SECRET' }, 'snapshot: expected a JSON object'],
    ['a key that is too long', { key: 'k'.repeat(201) }, 'key: expected at most 200'],
    ['half a character', { key: '\ud800' }, 'key: has a NUL character or half'],
    ['a NUL in the policy', { policy: { name: 'a\0b' } }, 'policy: has a NUL character'],
    ['an input gate', { policy: { placement: 'input' } }, 'policy.placement: a workflow'],
    ['on_reject drop', { policy: { on_reject: 'drop' } }, 'policy.on_reject: a rejection'],
    ['on_reject continue', { policy: { on_reject: 'continue' } }, 'policy.on_reject: a rejection'],
    ['a manual release', { policy: { release: 'manual' } }, 'policy.release: "manual"'],
    ['a schema that is none', { json_schema: { type: 'invoice' } }, 'jsonSchema.type: '],
    ['categories of a task', { categories: ['a'] }, 'categories: is for blocks of type'],
    ['a for_each', { block_type: 'for_each' }, ''],
    ['an unknown field', { colour: 1 }, 'colour: unknown key'],
  ])('with %s is refused', (_, about, says) => {
    const said = saidOf(about);
    expect(said).toContain(says);
    expect(said).not.toBe('nothing');
    expect(said).not.toContain('SECRET');
  });

  test.each([
    ['an escaped backslash before u0000', { policy: { name: String.raw`\u0000` } }],
    ['on_reject cancel_run', { policy: { on_reject: 'cancel_run' } }],
    ['placement output', { policy: { placement: 'output' } }],
    ['a time to undo', { policy: { release: { after: '30s' } } }],
  ])('with %s is fine', (_, about) => {
    expect(saidOf(about)).toBe('nothing');
  });

  test('says one thing about one place', () => {
    const said = saidOf({ policy: { on_reject: 'drop' } });
    expect(said.match(/policy\.on_reject/g)).toHaveLength(1);
  });
});

test.each([
  ['refund', 'external:refund'],
  ['my workflow/2', 'external:my-workflow-2'],
  ['x'.repeat(200), `external:${'x'.repeat(64)}`],
])('the workflow of type %s is stored as %s, which nobody can declare', (type, id) => {
  expect(externalWorkflowId(type)).toBe(id);
  expect(ID_FORM.test(id)).toBe(false);
});
