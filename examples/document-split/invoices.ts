/** A document in the pile: its name, and its pages from 1. */
type Part = { readonly name: string; readonly pages: readonly number[] };

/** What an invoice says; null where it does not. */
export type Invoice = {
  readonly number: string | null;
  readonly vendor: string | null;
  readonly order: string | null;
  readonly total: number | null;
};

/**
 * Finds the documents in a pile: each begins with a page that is headed "Invoice".
 *
 * That is a guess. A delivery note on top of its invoice goes with the invoice before, and a person puts it right.
 */
export function splitPages(pages: readonly string[]): readonly Part[] {
  const parts: Part[] = [];
  for (const [index, text] of pages.entries()) {
    const last = parts.at(-1);
    if (last === undefined || text.startsWith('Invoice')) {
      parts.push({ name: field(text, 'Number') ?? `page ${index + 1}`, pages: [index + 1] });
    } else {
      parts[parts.length - 1] = { ...last, pages: [...last.pages, index + 1] };
    }
  }
  return parts;
}

/** Reads an invoice from the pages that it has. What they do not say is null. */
export function readInvoice(pages: readonly string[], { pages: own }: Part): Invoice {
  const text = own.map((page) => pages[page - 1] ?? '').join('\n');
  const total = field(text, 'Total');
  return {
    number: field(text, 'Number'),
    vendor: field(text, 'From'),
    order: field(text, 'Order'),
    total: total === null ? null : Number(total),
  };
}

function field(text: string, label: string): string | null {
  return new RegExp(`^${label}: (.+)$`, 'm').exec(text)?.[1] ?? null;
}
