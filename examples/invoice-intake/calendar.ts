import { InvoiceError } from './invoice-error.js';

const MONTHS =
  'January February March April May June July August September October November December'.split(
    ' ',
  );

/** Reads a date as XML schema writes it, `2026-03-09`, with or without a time zone. */
export function parseIsoDate(text: string, what: string): string {
  return toIsoDate(/^(\d{4})-(\d{2})-(\d{2})(?:Z|[+-]\d{2}:\d{2})?$/.exec(text), text, what);
}

/** Reads a date as UN/CEFACT format 102 writes it, `20260309`. */
export function parseCompactDate(text: string, what: string): string {
  return toIsoDate(/^(\d{4})(\d{2})(\d{2})$/.exec(text), text, what);
}

/** Reads a date as people write it in English, `9 March 2026`, or an ISO date. */
export function parseWrittenDate(text: string, what: string): string {
  const [, day = '', month = '', year] = /^(\d{1,2}) ([A-Z][a-z]+) (\d{4})$/.exec(text) ?? [];
  const number = MONTHS.indexOf(month) + 1;
  return number === 0
    ? parseIsoDate(text, what)
    : parseIsoDate(`${year}-${String(number).padStart(2, '0')}-${day.padStart(2, '0')}`, what);
}

function toIsoDate(match: RegExpExecArray | null, text: string, what: string): string {
  const iso = match === null ? '' : `${match[1]}-${match[2]}-${match[3]}`;
  const time = Date.parse(iso);
  // Date.parse takes 30 February for 2 March; a real date comes back as it went in.
  if (Number.isNaN(time) || !new Date(time).toISOString().startsWith(iso)) {
    throw new InvoiceError('bad_value', `${what} is not a date: "${text.slice(0, 40)}"`);
  }
  return iso;
}
