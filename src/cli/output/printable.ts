const CONTROL = /\p{Cc}|\p{Bidi_Control}/gu;
const CONTROL_BUT_LINES = /(?!\n)(?:\p{Cc}|\p{Bidi_Control})/gu;

/**
 * A text from elsewhere on one line of a terminal.
 *
 * What a person is asked to approve must not be able to move the cursor, to recolour or to hide anything:
 * control characters, and those that turn the direction of writing, are shown as `\u001b`.
 */
export function printable(text: string): string {
  return text.replaceAll(CONTROL, escaped);
}

/** The same for a text of several lines. */
export function printableLines(text: string): string {
  return text.replaceAll(CONTROL_BUT_LINES, escaped);
}

/** A value as indented JSON that is safe to print; the escapes are JSON's own, so it says the same. */
export function printableJson(value: unknown): string {
  return printableLines(JSON.stringify(value, null, 2));
}

/** A sentence with values from elsewhere in it, each made printable: say`Run ${id} has ended.` */
export function say(
  words: TemplateStringsArray,
  ...values: readonly (string | number | boolean)[]
): string {
  return String.raw({ raw: words }, ...values.map((value) => printable(String(value))));
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
