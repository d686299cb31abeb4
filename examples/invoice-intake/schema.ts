const text = { type: ['string', 'null'] } as const;
const date = { type: ['string', 'null'], format: 'date' } as const;
const number = { type: ['number', 'null'] } as const;

/**
 * The JSON Schema of an extracted invoice, draft 2020-12.
 *
 * Every field is required and most may be null: an extractor has to say that a document is silent,
 * and a reviewer sees the gap and can fill it. There is no `multipleOf: 0.01` on amounts, because
 * validators compute it in binary and refuse 4.35; booking checks the cents instead.
 */
export const invoiceSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Invoice',
  type: 'object',
  additionalProperties: false,
  required: [
    'document_type',
    'invoice_number',
    'issue_date',
    'due_date',
    'vendor',
    'buyer',
    'currency',
    'net_amount',
    'tax_amount',
    'total_amount',
    'lines',
  ],
  properties: {
    document_type: { type: ['string', 'null'], enum: ['invoice', 'credit_note', null] },
    invoice_number: text,
    issue_date: date,
    due_date: date,
    vendor: {
      type: 'object',
      additionalProperties: false,
      required: ['name', 'vat_id', 'country'],
      properties: {
        name: text,
        vat_id: text,
        country: { type: ['string', 'null'], pattern: '^[A-Z]{2}$' },
      },
    },
    buyer: {
      type: 'object',
      additionalProperties: false,
      required: ['name', 'reference'],
      properties: { name: text, reference: text },
    },
    currency: { type: ['string', 'null'], pattern: '^[A-Z]{3}$' },
    net_amount: number,
    tax_amount: number,
    total_amount: number,
    lines: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['description', 'quantity', 'unit_price', 'amount'],
        properties: { description: text, quantity: number, unit_price: number, amount: number },
      },
    },
  },
} as const;
