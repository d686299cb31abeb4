import {
  parseXml,
  type XmlDocument,
  XmlDocumentType,
  XmlElement,
  XmlError,
  XmlText,
} from '@rgrove/parse-xml';
import { InvoiceError } from './invoice-error.js';
import { onlyOne } from './only-one.js';

/** An element under the prefix that this code gives to its namespace, whatever the document calls it. */
export type Element = {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly Element[];
  /** Its own text, with runs of white space made one blank. */
  readonly text: string;
};

const UBL = 'urn:oasis:names:specification:ubl:schema:xsd';
const CII = 'urn:un:unece:uncefact:data:standard';

const PREFIXES: ReadonlyMap<string, string> = new Map([
  [`${UBL}:Invoice-2`, 'ubl'],
  [`${UBL}:CreditNote-2`, 'ubl'],
  [`${UBL}:CommonAggregateComponents-2`, 'cac'],
  [`${UBL}:CommonBasicComponents-2`, 'cbc'],
  [`${CII}:CrossIndustryInvoice:100`, 'rsm'],
  [`${CII}:ReusableAggregateBusinessInformationEntity:100`, 'ram'],
  [`${CII}:UnqualifiedDataType:100`, 'udt'],
]);

/** An EN 16931 invoice is about ten elements deep. */
const MAX_DEPTH = 50;

/**
 * Reads XML that a stranger sent.
 *
 * 1. Entities are never expanded: the parser knows the five of XML itself and nothing else, and opens no
 *    file and no address. A document type declaration, where others are declared, is refused.
 * 2. Nesting deeper than any invoice is refused.
 * 3. Names are resolved by namespace, so `<a:ID>` and `<cbc:ID>` are the same where they mean the same.
 */
export function readXml(bytes: Uint8Array): Element {
  return convert(parse(decode(bytes)), null, 1);
}

/** All elements at a path such as `cac:Party/cbc:Name`, in document order. */
export function all(element: Element, path: string): readonly Element[] {
  let found: readonly Element[] = [element];
  for (const step of path.split('/')) {
    found = found.flatMap(({ children }) => children.filter(({ name }) => name === step));
  }
  return found;
}

/** The text at a path, or null where there is none; two different answers are refused. */
export function text(element: Element, path: string): string | null {
  return onlyOne(
    all(element, path).map((found) => found.text),
    path,
  );
}

function decode(bytes: Uint8Array): string {
  const head = new TextDecoder('latin1').decode(bytes.subarray(0, 200));
  const declared = /^<\?xml\s[^>]*?encoding\s*=\s*["']([\w.:-]+)["']/.exec(head)?.[1] ?? 'utf-8';
  try {
    return new TextDecoder(declared, { fatal: true }).decode(bytes);
  } catch (error) {
    throw new InvoiceError('unreadable', `is not text in ${declared}`, { cause: error });
  }
}

function parse(xml: string): XmlElement {
  const { root, children } = parseStrictly(xml);
  if (children.some((child) => child instanceof XmlDocumentType)) {
    throw new InvoiceError('unreadable', 'has a document type declaration, which no invoice needs');
  }
  if (root === null) {
    throw new InvoiceError('unreadable', 'is not well-formed XML: it has no element');
  }
  return root;
}

function parseStrictly(xml: string): XmlDocument {
  try {
    return parseXml(xml, { preserveDocumentType: true });
  } catch (error) {
    if (error instanceof XmlError) {
      const [reason] = error.message.split('\n');
      throw new InvoiceError('unreadable', `is not well-formed XML: ${reason}`, { cause: error });
    }
    // The parser recurses: some thousand levels exhaust the stack, which is caught here.
    if (error instanceof RangeError) {
      throw new InvoiceError('unreadable', 'is nested too deeply', { cause: error });
    }
    throw error;
  }
}

function convert(element: XmlElement, outer: Scope, depth: number): Element {
  if (depth > MAX_DEPTH) {
    throw new InvoiceError('unreadable', 'is nested too deeply');
  }
  const scope = scopeOf(element, outer);
  const children: Element[] = [];
  let ownText = '';
  for (const child of element.children) {
    if (child instanceof XmlElement) {
      children.push(convert(child, scope, depth + 1));
    } else if (child instanceof XmlText) {
      ownText += child.text;
    }
  }
  return {
    name: resolve(element.name, scope),
    attributes: element.attributes,
    children,
    text: ownText.replaceAll(/\s+/g, ' ').trim(),
  };
}

/** The namespaces an element declares, and those around it. Copying them into each other would cost their product. */
type Scope = { readonly declared: ReadonlyMap<string, string>; readonly outer: Scope } | null;

function scopeOf({ attributes }: XmlElement, outer: Scope): Scope {
  const declared = new Map<string, string>();
  for (const [name, uri] of Object.entries(attributes)) {
    if (name === 'xmlns') {
      declared.set('', uri);
    } else if (name.startsWith('xmlns:')) {
      declared.set(name.slice('xmlns:'.length), uri);
    }
  }
  return declared.size === 0 ? outer : { declared, outer };
}

function resolve(qualified: string, scope: Scope): string {
  const colon = qualified.indexOf(':');
  const prefix = colon === -1 ? '' : qualified.slice(0, colon);
  let innermost = scope;
  while (innermost !== null && !innermost.declared.has(prefix)) {
    innermost = innermost.outer;
  }
  const uri = innermost?.declared.get(prefix) ?? '';
  return `${PREFIXES.get(uri) ?? `{${uri}}`}:${qualified.slice(colon + 1)}`;
}
