import { InvoiceError } from './invoice-error.js';

/** The single answer among several places that may give it, or null; two different answers are refused. */
export function onlyOne(answers: readonly string[], what: string): string | null {
  const [answer = null, ...others] = new Set(answers.filter((given) => given !== ''));
  if (others.length > 0) {
    throw new InvoiceError('inconsistent', `${what} is both "${answer}" and "${others[0]}"`);
  }
  return answer;
}
