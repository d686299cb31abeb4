import type { Invoice, InvoiceLine } from './invoice.js';

type LineRow = [description: string, quantity: number, unitPrice: number, amount: number];

function line([description, quantity, unit_price, amount]: LineRow): InvoiceLine {
  return { description, quantity, unit_price, amount };
}

/** What each document of `invoices/` says, typed in from reading it. */
export const expected: Readonly<Record<string, Invoice>> = {
  'brandt-RE-20417.xml': {
    document_type: 'invoice',
    invoice_number: 'RE-20417',
    issue_date: '2026-03-09',
    due_date: '2026-04-08',
    vendor: { name: 'Brandt Hydraulik GmbH', vat_id: 'DE123456780', country: 'DE' },
    buyer: { name: 'Havenkade Trading GmbH', reference: 'KST 4410 Instandhaltung' },
    currency: 'EUR',
    net_amount: 10_017.76,
    tax_amount: 1_903.37,
    total_amount: 11_921.13,
    lines: [
      line(['Hydraulikaggregat HA-40', 2, 4_180, 8_360]),
      line(['Montage und Inbetriebnahme', 16, 92.5, 1_480]),
      // Printed as 318.50 for 100 litres.
      line(['Hydrauliköl HLP 46, Preis je 100 l', 120, 3.185, 382.2]),
    ],
  },
  'de-linden-2026-0418.xml': {
    document_type: 'invoice',
    invoice_number: '2026-0418',
    issue_date: '2026-03-02',
    due_date: '2026-04-01',
    vendor: { name: 'Kantoorhuis De Linden B.V.', vat_id: 'NL800123456B01', country: 'NL' },
    buyer: { name: 'Havenkade Trading B.V.', reference: 'PO-2026-0291' },
    currency: 'EUR',
    net_amount: 107.25,
    tax_amount: 22.52,
    total_amount: 129.77,
    lines: [
      line(['Kopieerpapier A4, 500 vel', 10, 4.85, 48.5]),
      line(['Ordner, rug 75 mm, set van 5', 3, 12.95, 38.85]),
      line(['Bureaulamp, zwart', 1, 19.9, 19.9]),
    ],
  },
  'hotel-kirchengarten-2026-1187.pdf': {
    document_type: 'invoice',
    invoice_number: '2026/1187',
    issue_date: '2026-03-06',
    due_date: null,
    vendor: { name: 'Hotel Kirchengarten GmbH', vat_id: 'ATU12345678', country: 'AT' },
    buyer: { name: 'Havenkade Trading GmbH', reference: 'PO-2026-0322' },
    currency: 'EUR',
    net_amount: 948,
    tax_amount: 118.8,
    total_amount: 1_066.8,
    lines: [
      line(['Double room, 3 guests, 4 to 6 March', 6, 118, 708]),
      line(['Meeting room, full day', 1, 240, 240]),
    ],
  },
  'norrviken-58214.xml': {
    document_type: 'invoice',
    invoice_number: '58214',
    issue_date: '2026-03-06',
    due_date: '2026-04-05',
    vendor: { name: 'Norrviken Kyltransport AB', vat_id: 'SE556012345701', country: 'SE' },
    buyer: { name: 'Havenkade Nordic AB', reference: 'Lager Göteborg, E. Nyberg' },
    currency: 'SEK',
    net_amount: 4_245.5,
    tax_amount: 1_030.7,
    total_amount: 5_276.2,
    lines: [
      line(['Kyltransport Göteborg–Jönköping', 3, 1_240, 3_720]),
      line(['Bränsletillägg', 3, 96.5, 289.5]),
      line(['Förplägnad, förare', 2, 118, 236]),
    ],
  },
  'quill-and-daly-QD-26-118.pdf': {
    document_type: 'invoice',
    invoice_number: 'QD-26-118',
    issue_date: '2026-03-09',
    due_date: '2026-04-08',
    vendor: { name: 'Quill & Daly Translations Ltd', vat_id: 'IE1234567X', country: 'IE' },
    buyer: { name: 'Havenkade Trading B.V.', reference: 'PO-2026-0317' },
    currency: 'EUR',
    net_amount: 593,
    tax_amount: 0,
    total_amount: 593,
    lines: [
      line(['Translation German to English, operating manual HA-40', 3_200, 0.14, 448]),
      line(['Proofreading', 2.5, 58, 145]),
    ],
  },
  'quinta-do-alvor-NC-26-7.xml': {
    document_type: 'credit_note',
    invoice_number: 'NC 26/7',
    issue_date: '2026-03-11',
    due_date: '2026-04-10',
    vendor: { name: 'Quinta do Alvor, Lda', vat_id: 'PT509123450', country: 'PT' },
    buyer: { name: 'Havenkade Portugal, Lda', reference: 'COMPRAS-PORTO' },
    currency: 'EUR',
    net_amount: 153.6,
    tax_amount: 9.22,
    total_amount: 162.82,
    lines: [line(['Azeite virgem extra, lata 5 L', 4, 38.4, 153.6])],
  },
  'roussel-F2026-0093.xml': {
    document_type: 'invoice',
    invoice_number: 'F2026-0093',
    issue_date: '2026-03-13',
    due_date: '2026-04-12',
    vendor: { name: 'Maison Roussel Traiteur SARL', vat_id: 'FR00123456789', country: 'FR' },
    buyer: { name: 'Havenkade France SAS', reference: null },
    currency: 'EUR',
    net_amount: 696,
    tax_amount: 87.6,
    total_amount: 783.6,
    lines: [
      line(['Plateaux-repas, réunion du 12 mars', 24, 21.5, 516]),
      line(['Location de vaisselle et de nappage', 1, 180, 180]),
    ],
  },
};
