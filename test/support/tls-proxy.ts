import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, constants, createSecureServer, type IncomingHttpHeaders } from 'node:http2';
import { fileURLToPath } from 'node:url';

const FOLDER = new URL('../workflows/tls/', import.meta.url);
const UNAUTHENTICATED = '16';

/** The certificate that clients of the proxy have to trust; a test's own, and of no other use. */
export const CA_CERT_PATH = fileURLToPath(new URL('ca.pem', FOLDER));

/** A TLS front for a plaintext Temporal server that wants an API key, as Temporal Cloud does. */
export type TlsProxy = {
  readonly address: string;
  /** What clients sent as `authorization`, one line a request. */
  readonly authorizations: readonly (string | undefined)[];
  close(): Promise<void>;
};

/** Starts one that lets through what shows `apiKey` and refuses the rest as Temporal would. */
export async function startTlsProxy(target: string, apiKey: string): Promise<TlsProxy> {
  const authorizations: (string | undefined)[] = [];
  const upstream = connect(`http://${target}`);
  const server = createSecureServer({
    key: readFileSync(new URL('key.pem', FOLDER)),
    cert: readFileSync(new URL('cert.pem', FOLDER)),
  });
  server.on('stream', (stream, headers) => {
    authorizations.push(headers.authorization);
    if (headers.authorization !== `Bearer ${apiKey}`) {
      const refusal = { 'content-type': 'application/grpc', 'grpc-status': UNAUTHENTICATED };
      stream.respond({ ':status': 200, ...refusal }, { endStream: true });
      return;
    }
    const request = upstream.request(forwarded(headers, target));
    let trailers: IncomingHttpHeaders = {};
    stream.pipe(request);
    request.on('response', (answer, flags) => {
      const isTrailersOnly = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
      if (stream.destroyed) {
        return;
      }
      stream.respond(answer, isTrailersOnly ? { endStream: true } : { waitForTrailers: true });
      if (!isTrailersOnly) {
        request.pipe(stream);
      }
    });
    request.on('trailers', (received: IncomingHttpHeaders) => {
      trailers = received;
    });
    stream.on('wantTrailers', () => stream.sendTrailers(trailers));
    stream.on('close', () => request.close());
    stream.on('error', () => {});
    request.on('error', () => stream.close());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    address: `localhost:${port}`,
    authorizations,
    close: async () => {
      upstream.destroy();
      server.close();
      await Promise.resolve();
    },
  };
}

function forwarded(headers: IncomingHttpHeaders, target: string): IncomingHttpHeaders {
  const { authorization: _, ...others } = headers;
  return { ...others, ':scheme': 'http', ':authority': target };
}
