import { readFile } from 'node:fs/promises';
import { extractText, getDocumentProxy } from 'unpdf';

/** Reads the text of each page of the pile that comes with this example. */
export async function readPages(): Promise<readonly string[]> {
  const bytes = await readFile(new URL('bundle.pdf', import.meta.url));
  const pdf = await getDocumentProxy(new Uint8Array(bytes), { verbosity: 0 });
  const { text } = await extractText(pdf, { mergePages: false });
  return text;
}
