import type { Client, JsonObject, Review, Run } from '../../src/client/index.js';
import { until } from '../support/until.js';

const text = { type: ['string', 'null'] };
const number = { type: ['number', 'null'] };

const invoiceSchema = {
  type: 'object',
  required: ['vendor', 'invoice_number', 'due_date', 'currency', 'total_amount', 'paid', 'lines'],
  properties: {
    vendor: {
      type: 'object',
      required: ['name', 'country'],
      properties: { name: text, country: { type: ['string', 'null'], pattern: '^[A-Z]{2}$' } },
    },
    invoice_number: text,
    due_date: { type: ['string', 'null'], format: 'date' },
    currency: { type: 'string', enum: ['EUR', 'USD', 'GBP'] },
    total_amount: number,
    paid: { type: 'boolean', description: 'Whether it was paid before it came.' },
    lines: {
      type: 'array',
      items: {
        type: 'object',
        required: ['description', 'quantity', 'amount'],
        properties: { description: text, quantity: { type: 'integer' }, amount: number },
      },
    },
  },
};

/** An invoice whose total is high enough to be looked at. */
export const INVOICE = {
  vendor: { name: 'Norrviken Bygg AB', country: 'SE' },
  invoice_number: '58214',
  due_date: null,
  currency: 'EUR',
  total_amount: 18450.5,
  paid: false,
  lines: [
    { description: 'Scaffolding, four weeks', quantity: 4, amount: 12000 },
    { description: 'Transport', quantity: 2, amount: 900.5 },
    { description: 'Hoist operator', quantity: 37, amount: 5550 },
  ],
};

const supplied = { kind: 'supplied' };

/** The workflows of the browser tests, one for each kind of page. */
const WORKFLOWS = {
  'invoice-approval': {
    name: 'Invoice approval',
    blocks: [
      {
        id: 'extract',
        type: 'extract',
        label: 'Extract invoice',
        executor: supplied,
        json_schema: invoiceSchema,
        review: {
          name: 'Invoice totals',
          instructions:
            'Compare with the document. Fill in the due date if it is missing; reject what nobody ordered.',
          predicate: {
            kind: 'any_of',
            predicates: [
              {
                kind: 'json_condition',
                condition: {
                  sub_conditions: [
                    { path: 'data.total_amount', operator: 'is_greater_than', value: 10000 },
                  ],
                },
              },
              { kind: 'any_required_field_null' },
            ],
          },
          groups: ['finance', 'legal'],
          reviewers: [{ id: 'kim', mandatory: false }],
        },
      },
      {
        id: 'match_order',
        type: 'task',
        label: 'Match the order',
        needs: ['extract'],
        executor: { kind: 'pass' },
      },
      { id: 'archive', type: 'task', needs: ['extract'], executor: { kind: 'pass' } },
      {
        id: 'book',
        type: 'task',
        label: 'Book it',
        needs: ['match_order', 'archive'],
        executor: { kind: 'pass' },
      },
    ],
  },
  'mail-triage': {
    name: 'Mail triage',
    blocks: [
      {
        id: 'classify',
        type: 'classifier',
        executor: supplied,
        categories: ['invoice', 'complaint', 'contract', 'other'],
        review: {
          name: 'Which kind of mail is it?',
          predicate: { kind: 'category_in', categories: ['contract', 'other'] },
          groups: ['finance'],
        },
      },
    ],
  },
  'scan-split': {
    name: 'Scan split',
    blocks: [
      {
        id: 'split',
        type: 'split',
        executor: supplied,
        review: {
          name: 'Where one document ends',
          predicate: { kind: 'split_count_neq', expected: 2 },
          groups: ['finance'],
        },
      },
    ],
  },
  'wire-transfer': {
    name: 'Wire transfer',
    blocks: [
      {
        id: 'transfer',
        type: 'task',
        label: 'Transfer',
        executor: { kind: 'pass' },
        review: {
          name: 'Wire transfer',
          instructions: 'Check the account against the vendor file.',
          placement: 'input',
          groups: ['finance'],
          release: { after: '10m' },
        },
      },
    ],
  },
  payroll: {
    name: 'Payroll',
    blocks: [
      {
        id: 'pay',
        type: 'task',
        executor: { kind: 'pass' },
        review: {
          name: 'Monthly payroll',
          placement: 'input',
          groups: ['finance'],
          release: 'manual',
        },
      },
    ],
  },
} as const;
type WorkflowId = keyof typeof WORKFLOWS;

/** Declares all of them. */
export async function declareWorkflows(admin: Client): Promise<void> {
  for (const [id, { name, blocks }] of Object.entries(WORKFLOWS)) {
    await admin.workflows.put(id, { name, blocks });
  }
}

const GATED: Readonly<Record<WorkflowId, string>> = {
  'invoice-approval': 'extract',
  'mail-triage': 'classify',
  'scan-split': 'split',
  'wire-transfer': 'transfer',
  payroll: 'pay',
};

/** Starts a run, and waits until it has stopped at its gate. */
export async function openReview(
  client: Client,
  workflowId: WorkflowId,
  snapshot: JsonObject,
): Promise<{ readonly run: Run; readonly review: Review }> {
  const run = await client.runs.start({
    workflow_id: workflowId,
    json_inputs: { [GATED[workflowId]]: snapshot },
  });
  const review = await until(`the review of ${run.id}`, async () => {
    const page = await client.reviews.list({ run_id: run.id }).page();
    return page.data[0];
  });
  return { run, review };
}
