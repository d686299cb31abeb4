/** Why a document was refused. */
export type InvoiceErrorCode =
  /** The request does not name a document that can be opened. */
  | 'bad_input'
  /** The bytes are not well-formed XML or PDF, or hold what an invoice never needs. */
  | 'unreadable'
  /** A readable document, but of another kind. */
  | 'not_an_invoice'
  /** One value cannot be understood; guessing would be worse. */
  | 'bad_value'
  /** Two figures of the document contradict each other. */
  | 'inconsistent'
  /** Too little is known to book it. */
  | 'incomplete';

/** A document that cannot be taken in. Trying again gives the same answer. */
export class InvoiceError extends Error {
  readonly code: InvoiceErrorCode;

  constructor(code: InvoiceErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'InvoiceError';
    this.code = code;
  }
}
