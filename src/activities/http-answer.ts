import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

/** The head of an HTTP answer, as far as reading it goes. */
export type AnswerHead = {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
};

/** A body read to its end, or to the most that is taken of it. */
export type BodyRead = { readonly bytes: Buffer; readonly isCut: boolean };

/** A header of an answer; of one that came several times the first. */
export function headerOf({ headers }: AnswerHead, name: string): string | null {
  const value = headers[name];
  return (typeof value === 'string' ? value : value?.[0]) ?? null;
}

/** How the body is coded in a way that we do not read; null if we do. */
export function foreignCoding(head: AnswerHead): string | null {
  const coding = (headerOf(head, 'content-encoding') ?? 'identity').trim().toLowerCase();
  return ['identity', 'gzip', ''].includes(coding) ? null : coding;
}

/** Reads at most so many bytes of a body, counted after it was unpacked. */
export async function readBody(
  head: AnswerHead,
  body: Readable,
  maxBytes: number,
): Promise<BodyRead> {
  const isPacked = headerOf(head, 'content-encoding')?.trim().toLowerCase() === 'gzip';
  const source = isPacked ? unpacked(body) : body;
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of source) {
    // Without an encoding set, a stream of bytes gives buffers.
    const bytes: Buffer = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
    chunks.push(bytes);
    length += bytes.length;
    if (length > maxBytes) {
      // Leaving the loop destroys the stream, and the connection with it.
      return { bytes: Buffer.concat(chunks).subarray(0, maxBytes), isCut: true };
    }
  }
  return { bytes: Buffer.concat(chunks), isCut: false };
}

function unpacked(body: Readable): Readable {
  const gunzip = createGunzip();
  pipeline(body, gunzip, () => {
    // Whoever reads from `gunzip` meets the error there.
  });
  return gunzip;
}

/** The JSON of a body, or a clause that says why it is none. */
export function parseJsonBody(
  head: AnswerHead,
  bytes: Buffer,
): { readonly json: unknown } | { readonly fault: string } {
  if (bytes.length === 0) {
    return { fault: 'without a body' };
  }
  const type = headerOf(head, 'content-type');
  if (type === null || !/^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(type)) {
    return { fault: type === null ? 'without a content type' : `with the content type ${type}` };
  }
  try {
    const json: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return { json };
  } catch {
    return { fault: 'with a body that is no JSON' };
  }
}

const MOST_RETRY_AFTER_MS = 3_600_000;

/** How long a server asks to be left alone, an hour at most; null if it does not say. */
export function retryAfterMs(head: AnswerHead, now: number): number | null {
  const value = headerOf(head, 'retry-after')?.trim() ?? '';
  const waitMs = /^\d{1,9}$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - now;
  return waitMs > 0 ? Math.min(waitMs, MOST_RETRY_AFTER_MS) : null;
}
