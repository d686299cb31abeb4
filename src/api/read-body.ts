import { raw, type Request, type Response } from 'express';
import { MAX_SNAPSHOT_BYTES } from '../rules/canonical.js';
import { type ApiError, invalid } from './errors.js';
import type { BodySize } from './route.js';

/**
 * The most bytes of each size of body. A definition may be written four times as wide as its canonical
 * form; `snapshot` is for two snapshots (a run may bring several) and what is around them.
 */
const MAX_BYTES: Readonly<Record<BodySize, number>> = {
  command: 1024 * 1024,
  definition: 4 * 1024 * 1024,
  snapshot: 2 * MAX_SNAPSHOT_BYTES + 64 * 1024,
};

/** What a request's body says; `undefined` when it has none. */
export type ReadBody = { readonly kind: 'body'; readonly value: unknown } | ApiError;

/**
 * Reads a request's body as JSON in UTF-8, or says why it cannot.
 *
 * Bytes that are no UTF-8 are refused and not replaced: what is stored is what was sent.
 */
export async function readJsonBody(
  request: Request,
  response: Response,
  size: BodySize,
): Promise<ReadBody> {
  if (!hasBody(request)) {
    return { kind: 'body', value: undefined };
  }
  const mediaType = unsupportedMediaType(request.headers['content-type']);
  if (mediaType !== null) {
    return mediaType;
  }
  const bytes = await readBytes(request, response, size);
  return Buffer.isBuffer(bytes) ? parseJson(bytes) : bytes;
}

function hasBody({ headers }: Request): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? '0') > 0;
}

function unsupportedMediaType(contentType: string | undefined): ApiError | null {
  const [type = '', ...parameters] = (contentType ?? '').toLowerCase().split(';');
  const charset = parameters.map((one) => /^\s*charset\s*=\s*"?([^"]*?)"?\s*$/.exec(one)?.[1]);
  const isJson = type.trim() === 'application/json';
  if (isJson && charset.every((name) => name === undefined || /^utf-?8$/.test(name))) {
    return null;
  }
  const got = contentType === undefined ? 'no content type' : `'${contentType}'`;
  return {
    kind: 'error',
    code: 'unsupported_media_type',
    message: `The body came with ${got}: send JSON in UTF-8 with the header content-type: application/json.`,
  };
}

async function readBytes(
  request: Request,
  response: Response,
  size: BodySize,
): Promise<Buffer | ApiError> {
  const maxBytes = MAX_BYTES[size];
  const read = raw({ type: () => true, limit: maxBytes });
  const error = await new Promise<unknown>((resolve) => {
    read(request, response, resolve);
  });
  if (error === undefined) {
    const body: unknown = request.body;
    return Buffer.isBuffer(body) ? body : Buffer.alloc(0);
  }
  switch (errorType(error)) {
    case 'entity.too.large':
      return tooLarge(size, maxBytes);
    case 'encoding.unsupported':
      return {
        kind: 'error',
        code: 'unsupported_media_type',
        message: 'The content-encoding is not known here: send gzip, deflate, br, or no encoding.',
      };
    default:
      return malformed('The body could not be read as it was announced: send it again.');
  }
}

function tooLarge(size: BodySize, maxBytes: number): ApiError {
  const what = size === 'snapshot' ? 'snapshot' : 'body';
  const hint =
    size === 'snapshot'
      ? `one snapshot may take ${MAX_SNAPSHOT_BYTES} bytes as canonical JSON. Make it smaller, or refer to large content by a link`
      : 'send less';
  return {
    kind: 'error',
    code: 'too_large',
    what,
    message: `The body takes more than the ${maxBytes} bytes accepted here: ${hint}.`,
    maxBytes,
  };
}

function errorType(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'type' in error ? error.type : undefined;
}

function parseJson(bytes: Buffer): ReadBody {
  let source: string;
  try {
    source = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return malformed('The body is not UTF-8: send JSON in UTF-8.');
  }
  if (source.trim() === '') {
    return { kind: 'body', value: undefined };
  }
  try {
    const value: unknown = JSON.parse(source);
    return { kind: 'body', value };
  } catch {
    return malformed('The body is not JSON: check it with a JSON parser and send it again.');
  }
}

function malformed(message: string): ApiError {
  return invalid({ loc: ['body'], message, type: 'json_invalid' });
}
