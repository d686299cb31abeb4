import { openInvoice } from './documents.js';
import type { InvoiceDocument } from './extract.js';

/** A document of the example in which something was replaced; a test that replaces nothing would show nothing. */
export async function changed(
  from: string | InvoiceDocument,
  what: string | RegExp,
  instead: string,
): Promise<InvoiceDocument> {
  const document = typeof from === 'string' ? await openInvoice(from) : from;
  const before = Buffer.from(document.content_base64, 'base64').toString();
  const after = before.replace(what, instead);
  if (after === before) {
    throw new Error(`nothing to replace in ${document.name}: ${what}`);
  }
  return { ...document, content_base64: encode(Buffer.from(after)) };
}

/** The text of an XML document of the example. */
export async function xmlOf(name: string): Promise<string> {
  return Buffer.from((await openInvoice(name)).content_base64, 'base64').toString();
}

/** An XML document of the tests' own. */
export function xmlDocument(xml: string): InvoiceDocument {
  return { name: 'x.xml', media_type: 'application/xml', content_base64: encode(Buffer.from(xml)) };
}

/** A PDF of the tests' own. */
export function pdfDocument(content: Buffer): InvoiceDocument {
  return { name: 'x.pdf', media_type: 'application/pdf', content_base64: encode(content) };
}

/** Bytes as a document carries them. */
export function encode(content: Buffer): string {
  return content.toString('base64');
}
