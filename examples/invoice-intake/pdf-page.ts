/** A page of a PDF, written operator by operator: only what an invoice needs. */
export type PdfPage = {
  /** Prints text that starts at `x` (or ends there, `align: 'right'`) on the base line `y`, in points from the bottom left. */
  text(
    text: string,
    place: { x: number; y: number; size?: number; bold?: boolean; align?: 'right' },
  ): void;
  /** Draws a thin line across the page at `y`. */
  rule(y: number): void;
  /** The document: one A4 page in Helvetica, which every reader has, so that no font is embedded. */
  toBytes(): Buffer;
};

const LEFT = 56;
const RIGHT = 539;

/** Makes an empty A4 page. The same calls give the same bytes. */
export function createPdfPage(title: string): PdfPage {
  const operators: string[] = [];
  return {
    text(text, { x, y, size = 10, bold = false, align }) {
      const start = align === 'right' ? x - widthOfNumber(text) * size : x;
      const font = bold ? '/F2' : '/F1';
      operators.push(
        `BT ${font} ${size} Tf 1 0 0 1 ${fixed(start)} ${fixed(y)} Tm (${escape(text)}) Tj ET`,
      );
    },
    rule(y) {
      operators.push(`0.5 w ${LEFT} ${fixed(y)} m ${RIGHT} ${fixed(y)} l S`);
    },
    toBytes: () => assemble(title, `${operators.join('\n')}\n`),
  };
}

/** Numbers the objects, and writes the table that says at which byte each begins. */
function assemble(title: string, content: string): Buffer {
  const font = (name: string): string =>
    `<< /Type /Font /Subtype /Type1 /BaseFont /${name} /Encoding /WinAnsiEncoding >>`;
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R ' +
      '/Resources << /Font << /F1 5 0 R /F2 6 0 R >> >> >>',
    `<< /Length ${content.length} >>\nstream\n${content}endstream`,
    font('Helvetica'),
    font('Helvetica-Bold'),
    `<< /Title (${escape(title)}) >>`,
  ];
  let pdf = '%PDF-1.4\n%\u00e2\u00e3\u00cf\u00d3\n';
  const offsets = objects.map((object, index) => {
    const offset = pdf.length;
    pdf += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return offset;
  });
  const entries = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`);
  const size = objects.length + 1;
  const table = `xref\n0 ${size}\n0000000000 65535 f \n${entries.join('')}`;
  const trailer = `trailer\n<< /Size ${size} /Root 1 0 R /Info 7 0 R >>\n`;
  return Buffer.from(`${pdf}${table}${trailer}startxref\n${pdf.length}\n%%EOF\n`, 'latin1');
}

/** A PDF string: one byte a character, which for Western European text is its code point in Latin-1. */
function escape(text: string): string {
  if (/[^\u0020-\u007e\u00a0-\u00ff]/.test(text)) {
    throw new Error(`not in Latin-1: ${text}`);
  }
  return text.replaceAll(/[\\()]/g, String.raw`\$&`);
}

/** The width of a number in Helvetica, at size 1: a digit has 556 thousandths, a comma or a point 278. */
function widthOfNumber(text: string): number {
  const digits = text.replaceAll(/\D/g, '').length;
  return digits * 0.556 + (text.length - digits) * 0.278;
}

function fixed(points: number): string {
  return String(Math.round(points * 100) / 100);
}
