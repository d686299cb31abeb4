import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** A request as the service got it, its body read to the end. */
export type Received = {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

/** A real HTTP server on loopback, which keeps what it was asked. */
export type Service = {
  readonly url: string;
  readonly port: number;
  readonly received: readonly Received[];
  close(): Promise<void>;
};

type Answer = (
  response: Parameters<RequestListener>[1],
  request: Received,
  socket: Socket,
) => void | Promise<void>;

/** Starts one; `answer` is asked once a request has come in whole. */
export async function startService(answer: Answer): Promise<Service> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    void readWhole(request).then(async (body) => {
      const headers = Object.fromEntries(
        Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
      );
      const one = { method: request.method, path: request.url, headers, body };
      received.push(one);
      await answer(response, one, request.socket);
    });
  });
  const port = await listening(server);
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    received,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Lets a server listen on a free port of 127.0.0.1, and gives the port. */
export async function listening(server: {
  listen(port: number, host: string, then: () => void): unknown;
  address(): Server['address'] extends () => infer Address ? Address : never;
}): Promise<number> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  return isAddressInfo(address) ? address.port : 0;
}

function isAddressInfo(address: ReturnType<Server['address']>): address is AddressInfo {
  return typeof address === 'object' && address !== null;
}

async function readWhole(request: IncomingMessage): Promise<string> {
  request.setEncoding('utf8');
  let body = '';
  for await (const chunk of request) {
    body += String(chunk);
  }
  return body;
}
