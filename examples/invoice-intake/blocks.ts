import { defineBlocks, type BlockFunction } from '../../src/blocks.js';
import { bookInvoice } from './booking.js';
import { documentOf, linkTo } from './documents.js';
import { extractInvoice } from './extract.js';

/** Reads the document that the run was started with; a reviewer sees it beside the result. */
const extract_invoice: BlockFunction = async ({ input }) => {
  const document = await documentOf(input);
  return { output: await extractInvoice(document), source: linkTo(document) };
};

/** Books what `extract` let through: its own output, or the version that people approved. */
const book_invoice: BlockFunction = ({ blocks }, { stepId }) =>
  bookInvoice(blocks['extract'], stepId);

export default defineBlocks({ extract_invoice, book_invoice });
