import { block, defineWorkflow, fn } from '../../src/index.js';

// #region split
const pages = block.task('pages', {
  executor: fn('read_pages'),
  schema: {
    type: 'object',
    required: ['pages'],
    properties: { pages: { type: 'array', items: { type: 'string' } } },
  },
});

const split = block.split('split', { needs: [pages], executor: fn('split_pages') }).review({
  title: 'Documents in the pile',
  instructions: 'Is each page with the document it belongs to?',
});
// #endregion split

// #region loop
const read = block
  .extract('read', {
    needs: [pages],
    executor: fn('read_invoice'),
    schema: {
      type: 'object',
      required: ['number', 'vendor', 'order', 'total'],
      properties: {
        number: { type: ['string', 'null'] },
        vendor: { type: ['string', 'null'] },
        order: { type: ['string', 'null'] },
        total: { type: ['number', 'null'] },
      },
    },
  })
  .review({
    title: 'Invoice',
    instructions: 'Is it ours, and is it new? Reject what must not be booked.',
    when: ({ output }) => output.total.isNull().or(output.total.gt(500)),
    onReject: 'drop', // this invoice is left out, the others go on
  });

const book = block.task('book', {
  needs: [read],
  executor: fn('book_part'),
  schema: {
    type: 'object',
    required: ['booking', 'number', 'order', 'total'],
    properties: {
      booking: { type: 'string' },
      number: { type: 'string' },
      order: { type: ['string', 'null'] },
      total: { type: 'number' },
    },
  },
});

const each = block.forEach('each', {
  needs: [pages, split],
  executor: fn('list_documents'),
  schema: {
    type: 'array',
    items: {
      type: 'object',
      required: ['name', 'pages'],
      properties: {
        name: { type: 'string' },
        pages: { type: 'array', items: { type: 'integer' } },
      },
    },
  },
  body: [read, book],
});
// #endregion loop

const list = block.task('list', { needs: [each], executor: fn('list_booked') });

/** The workflow of this example: a pile is split, each invoice in it is read and booked, and what was booked is listed. */
export default defineWorkflow({
  id: 'document-split',
  name: 'Document split',
  blocks: [pages, split, each, list],
});
