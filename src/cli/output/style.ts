import pc from 'picocolors';

/** Colours for one output stream; where it should have none, each leaves a text as it is. */
export type Style = ReturnType<typeof pc.createColors>;

/** Paints one text. */
export type Paint = (text: string) => string;

/** The colours for a stream: only on a terminal that has some, and never where NO_COLOR is set. */
export function styleFor(
  stream: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>>,
): Style {
  const unwanted = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
  return pc.createColors(stream.isTTY === true && !unwanted);
}

/** The colour of a status: what waits for people stands out, and what went wrong. */
export function statusPaint(style: Style, status: string): Paint {
  switch (status) {
    case 'PENDING':
    case 'awaiting_review':
      return style.yellow;
    case 'APPROVED':
    case 'PROCESSING':
    case 'EXECUTED':
    case 'completed':
      return style.green;
    case 'REJECTED':
    case 'REVOKED':
    case 'UNKNOWN':
    case 'error':
    case 'cancelled':
      return style.red;
    default:
      return style.dim;
  }
}
