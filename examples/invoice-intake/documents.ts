import { readdir, readFile } from 'node:fs/promises';
import { isJsonObject, type Json } from '../../src/domain/json.js';
import type { InvoiceDocument } from './extract.js';
import { InvoiceError } from './invoice-error.js';

const FOLDER = new URL('invoices/', import.meta.url);

/** The names of the documents that come with this example. */
export async function listInvoices(): Promise<readonly string[]> {
  const names = await readdir(FOLDER);
  return names.filter((name) => mediaType(name) !== null).toSorted();
}

/** Opens one of the documents that come with this example. A name that is not in the list, a path included, is refused. */
export async function openInvoice(name: string): Promise<InvoiceDocument> {
  const names = await listInvoices();
  const type = mediaType(name);
  if (type === null || !names.includes(name)) {
    throw new InvoiceError(
      'bad_input',
      `there is no invoice file ${JSON.stringify(name)}; there are ${names.join(', ')}`,
    );
  }
  const content = await readFile(new URL(encodeURIComponent(name), FOLDER));
  return { name, media_type: type, content_base64: content.toString('base64') };
}

/**
 * Finds the document that a run's input names.
 *
 * @param input `{document: {name, media_type, content_base64}}`, or `{file}` with a name of `listInvoices`.
 */
export async function documentOf(input: Json): Promise<InvoiceDocument> {
  if (isJsonObject(input) && typeof input['file'] === 'string') {
    return openInvoice(input['file']);
  }
  const document = isJsonObject(input) ? input['document'] : undefined;
  if (document === undefined || !isDocument(document)) {
    throw new InvoiceError(
      'bad_input',
      'the input must be {"file": name} or {"document": {"name", "media_type", "content_base64"}}, ' +
        'with application/xml or application/pdf as media type',
    );
  }
  return document;
}

/**
 * A link that shows the document itself, for the reviewer to compare with.
 *
 * It carries the document, so that it needs no file server. XML is shown as plain text: a browser
 * would run a script inside it otherwise.
 */
export function linkTo({ media_type, content_base64 }: InvoiceDocument): string {
  const type = media_type === 'application/xml' ? 'text/plain;charset=utf-8' : media_type;
  return `data:${type};base64,${content_base64}`;
}

function isDocument(value: Json): value is InvoiceDocument {
  return (
    isJsonObject(value) &&
    typeof value['name'] === 'string' &&
    typeof value['content_base64'] === 'string' &&
    (value['media_type'] === 'application/xml' || value['media_type'] === 'application/pdf')
  );
}

function mediaType(name: string): InvoiceDocument['media_type'] | null {
  if (name.endsWith('.xml')) {
    return 'application/xml';
  }
  return name.endsWith('.pdf') ? 'application/pdf' : null;
}
