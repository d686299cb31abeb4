import { expect, test } from 'vitest';
import { defineWorkflow, type DeclaredWorkflow } from '../../src/index.js';
import { parseDefinition } from '../../src/rules/definition.js';
import * as snippets from './snippets.js';

const { approvals, conditions, invoice, invoices, payment, pile, policy, predicates, prompt } =
  snippets;
const one = { type: 'task', executor: { kind: 'supplied' } } as const;

/** What is sent of each example. */
const shown: readonly [string, DeclaredWorkflow][] = [
  ['the first workflow', invoices],
  ['a condition', defineWorkflow({ id: 'w', blocks: [conditions] })],
  ['predicates', defineWorkflow({ id: 'w', blocks: [predicates] })],
  ...approvals.map((block): [string, DeclaredWorkflow] => [
    'an approval',
    defineWorkflow({ id: 'w', blocks: [block] }),
  ]),
  ['a gate on an input', defineWorkflow({ id: 'w', blocks: [invoice, payment] })],
  ['when it is due', defineWorkflow({ id: 'w', blocks: [prompt] })],
  ['a forEach', pile],
  ['a gate of an own workflow', { id: 'w', blocks: [{ id: 'a', ...one, review: policy }] }],
];

test.each(shown)('docs/authoring.md shows what can be stored: %s', (_, { id, ...body }) => {
  expect(parseDefinition(id, body)).toMatchObject({ warnings: [] });
});

test('docs/authoring.md says what its first gate is stored as', () => {
  expect(invoices.blocks[0]?.review).toMatchObject({
    when: 'output.total > 10000.0 || output.vendor.country != "DE"',
    groups: [{ group: 'finance' }, { group: 'legal', required: 2 }],
  });
});

test('the functions of docs/authoring.md get and give what they say', () => {
  const signal = new AbortController().signal;
  const context = { stepId: 's', runId: 'r', attempt: 1, signal, heartbeat: () => {} };
  const approved = { total: 1, vendor: { name: 'Acme', country: 'DE' } } as const;
  const args = { input: null, blocks: { invoice: approved } };
  expect(snippets.blocks.book_invoice(args, context)).toEqual({ booking: 's', total: 1 });
  expect(snippets.bookInvoice(args, context)).toEqual({ paid_to: 'Acme' });
});
