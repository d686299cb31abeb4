import { inspect } from 'node:util';

const CONTROL = /[\p{Cc}\p{Cs}]/gu;

/** Text for people out of text from anywhere: cut, and without what PostgreSQL cannot store or a terminal obeys. */
export function readableText(text: string, maxLength: number): string {
  const clean = text
    .slice(0, maxLength)
    // A pair of surrogates that was cut apart is among them.
    .replace(CONTROL, (character) => ('\n\t'.includes(character) ? character : ' '));
  return text.length > maxLength ? `${clean}…` : clean;
}

/** The message of whatever was thrown; never throws itself. */
export function messageOf(thrown: unknown): string {
  try {
    const said: unknown = thrown instanceof Error ? thrown.message : thrown;
    const text = typeof said === 'string' ? said : inspect(said, BRIEFLY);
    return text.trim() === '' || said === undefined ? 'It failed without a message.' : text;
  } catch {
    // A getter of `message` can throw.
    return 'It failed with an error that cannot be read.';
  }
}

const BRIEFLY = { depth: 2, maxArrayLength: 10, maxStringLength: 500, breakLength: Infinity };
