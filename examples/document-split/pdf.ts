const TOP = 780;
const LEADING = 18;

/** Writes a PDF with a page for each list of lines, in Helvetica, which every reader has. The same lines give the same bytes. */
export function createPdf(pages: readonly (readonly string[])[]): Buffer {
  // Objects 1 to 3 are those below; each page takes two more, itself and what is printed on it.
  const pageId = (index: number): number => 4 + 2 * index;
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    `<< /Type /Pages /Kids [${pages.map((_, index) => `${pageId(index)} 0 R`).join(' ')}] /Count ${pages.length} >>`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>',
    ...pages.flatMap((lines, index) => [
      '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] ' +
        `/Contents ${pageId(index) + 1} 0 R /Resources << /Font << /F1 3 0 R >> >> >>`,
      streamOf(lines),
    ]),
  ];
  return assemble(objects);
}

function streamOf(lines: readonly string[]): string {
  const printed = lines
    .map((line, index) => `BT /F1 11 Tf 56 ${TOP - index * LEADING} Td (${escape(line)}) Tj ET\n`)
    .join('');
  return `<< /Length ${printed.length} >>\nstream\n${printed}endstream`;
}

/** Numbers the objects, and writes the table that says at which byte each begins. */
function assemble(objects: readonly string[]): Buffer {
  let pdf = '%PDF-1.4\n';
  const offsets = objects.map((object, index) => {
    const offset = pdf.length;
    pdf += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return offset;
  });
  const size = objects.length + 1;
  const entries = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`);
  const table = `xref\n0 ${size}\n0000000000 65535 f \n${entries.join('')}`;
  const trailer = `trailer\n<< /Size ${size} /Root 1 0 R >>\n`;
  return Buffer.from(`${pdf}${table}${trailer}startxref\n${pdf.length}\n%%EOF\n`, 'latin1');
}

/** A PDF string: of ASCII alone, where a character is a byte. */
function escape(text: string): string {
  if (/[^\u0020-\u007e]/.test(text)) {
    throw new Error(`not in ASCII: ${text}`);
  }
  return text.replaceAll(/[\\()]/g, String.raw`\$&`);
}
