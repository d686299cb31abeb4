// The code of docs/authoring.md, cut from here region by region.
import {
  allOf,
  atLeast,
  block,
  defineBlocks,
  defineWorkflow,
  fn,
  gate,
  group,
  pass,
  person,
  supplied,
  type BlockFunctionOf,
} from '../../src/index.js';

// #region first
export const invoice = block
  .extract('invoice', {
    executor: fn('read_invoice'),
    schema: {
      type: 'object',
      required: ['total', 'vendor'],
      properties: {
        total: { type: ['number', 'null'] },
        vendor: {
          type: 'object',
          required: ['name', 'country'],
          properties: { name: { type: 'string' }, country: { enum: ['DE', 'FR', 'NL'] } },
        },
      },
    },
  })
  .review({
    title: 'Invoice totals',
    instructions: 'Compare with the PDF.',
    when: ({ output }) => output.total.gt(10_000).or(output.vendor.country.ne('DE')),
    approve: allOf(group('finance'), atLeast(2, group('legal'))),
  });

const book = block.task('book', { needs: [invoice], executor: fn('book_invoice') });

export const invoices = defineWorkflow({
  id: 'invoices',
  name: 'Invoices',
  blocks: [invoice, book],
});
// #endregion first

// #region functions
export const blocks = defineBlocks(invoices, {
  read_invoice: () => ({ total: 12_000, vendor: { name: 'Acme', country: 'DE' } }),
  // blocks.invoice is { total: number | null, vendor: { name: string, country: 'DE' | 'FR' | 'NL' } }
  book_invoice: ({ blocks }, { stepId }) => ({ booking: stepId, total: blocks.invoice.total }),
});
// #endregion functions

// #region function
export const bookInvoice: BlockFunctionOf<typeof invoices, 'book'> = ({ blocks }) => ({
  paid_to: blocks.invoice.vendor.name,
});
// #endregion function

const receipt = block.extract('receipt', {
  executor: supplied(),
  schema: {
    type: 'object',
    properties: {
      paid: { type: 'boolean' },
      note: { type: ['string', 'null'] },
      lines: {
        type: 'array',
        items: { type: 'object', properties: { amount: { type: 'number' } } },
      },
    },
  },
  nConsensus: 3,
});

// #region when
export const conditions = receipt.review({
  when: ({ output, likelihoods, expression }) =>
    output.note.isNull().or(
      output.paid.not(),
      output.lines.some((line) => line.amount.gt(500)),
      likelihoods.note.lt(0.8),
      expression('size(output.lines) * 2 > 10'),
    ),
});
// #endregion when

// #region predicates
export const predicates = receipt.review({
  when: ({ anyOf, anyRequiredFieldNull, confidenceLt, output }) =>
    anyOf(anyRequiredFieldNull(), confidenceLt(0.9), output.lines.size().gt(20)),
});
// #endregion predicates

const task = block.task('note', { executor: supplied() });

// #region approve
export const approvals = [
  task.review({ approve: group('finance') }), // one member of finance
  task.review({ approve: atLeast(2, group('legal')) }), // two different members of legal
  task.review({ approve: atLeast(2, group('a'), group('b'), group('c')) }), // two of three groups
  task.review({ approve: allOf(group('finance'), person('u_cfo')) }), // both
  task.review({ approve: allOf(group('finance'), person('u_fyi', { optional: true })) }),
];
// #endregion approve

// #region input
export const payment = block.task('pay', { needs: [invoice], executor: fn('pay_invoice') }).review({
  placement: 'input',
  when: ({ input }) => input.blocks.invoice.total.gt(1_000),
  release: 'manual',
});
// #endregion input

// #region due
export const prompt = task.review({ approve: group('finance'), dueIn: '2d' });
// #endregion due

// #region forEach
const parts = block.split('parts', { needs: [], executor: fn('split_pile') });

const read = block.extract('read', { executor: fn('read_part') });
const check = block
  .task('check', { needs: [read], executor: pass() })
  .review({ title: 'Part', onReject: 'drop' });

const each = block.forEach('each', { needs: [parts], executor: pass(), body: [read, check] });

export const pile = defineWorkflow({ id: 'pile', blocks: [parts, each] });
// #endregion forEach

// #region gate
type Refund = { readonly amount: number; readonly to: string };

export const policy = gate<Refund>({
  title: 'Refund',
  when: ({ output }) => output.amount.gt(100),
  approve: group('support-leads'),
});
// #endregion gate
