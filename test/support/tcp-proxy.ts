import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** One connection through the proxy: who connected, and the server on the other side. */
type Link = { readonly client: Socket; readonly server: Socket };

/** Sees what passes, connection by connection. */
export type Watcher = (from: 'client' | 'server', connection: number, bytes: Buffer) => void;

/**
 * A TCP proxy in front of a server, which fails in the ways of a network.
 *
 * - `drop` cuts what there is, as a killed server does; `refuse` also turns newcomers away;
 * - `stall` holds every byte back, and `resume` lets them pass: a network that is slow;
 * - `swallow` loses every byte and says nothing, for what there is and for newcomers: a host that is gone;
 * - `strand` cuts the clients and leaves their sessions on the server: a client's host that is gone;
 * - `halfClose` ends one direction only.
 */
export class TcpProxy {
  readonly #server: Server;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #links = new Set<Link>();
  readonly #port: number;
  #mode: 'pass' | 'refuse' | 'stall' | 'swallow' = 'pass';
  #delayMs = 0;
  #watcher: Watcher = () => {};
  #roundTrips = 0;
  #connections = 0;

  private constructor(
    server: Server,
    port: number,
    target: { readonly host: string; readonly port: number },
  ) {
    this.#server = server;
    this.#port = port;
    this.#target = target;
    server.on('connection', (client) => this.#accept(client));
  }

  /** Starts a proxy on a free port of this machine. */
  static async start(target: { readonly host: string; readonly port: number }): Promise<TcpProxy> {
    const server = createServer({ allowHalfOpen: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (typeof address !== 'object' || address === null) {
      throw new Error('a TCP server has an address');
    }
    return new TcpProxy(server, address.port, target);
  }

  /** Starts a proxy in front of the server of a URL. */
  static async inFrontOf(url: string): Promise<TcpProxy> {
    const { hostname, port } = new URL(url);
    return await TcpProxy.start({ host: hostname, port: Number(port) });
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** How often a client said something and was answered: what a network's latency multiplies. */
  get roundTrips(): number {
    return this.#roundTrips;
  }

  /** How many connections were made through it so far. */
  get connections(): number {
    return this.#connections;
  }

  /** How many connections are open at present. */
  get openConnections(): number {
    return this.#links.size;
  }

  /** Shows whatever passes from now on to one watcher. */
  watch(watcher: Watcher): void {
    this.#watcher = watcher;
  }

  /** The same URL, leading through the proxy. */
  through(url: string): string {
    const parsed = new URL(url);
    parsed.hostname = '127.0.0.1';
    parsed.port = `${this.#port}`;
    return parsed.toString();
  }

  /** Cuts every connection; new ones pass. */
  drop(): void {
    for (const { client, server } of this.#links) {
      client.destroy();
      server.destroy();
    }
  }

  /** Cuts every connection, and every new one at once. */
  refuse(): void {
    this.#mode = 'refuse';
    this.drop();
  }

  /** Cuts the clients, and leaves their sessions on the server as they are. */
  strand(): void {
    for (const link of this.#links) {
      link.client.destroy();
    }
  }

  /** Holds back whatever comes from now on, in both directions. */
  stall(): void {
    this.#mode = 'stall';
    for (const { client, server } of this.#links) {
      client.pause();
      server.pause();
    }
  }

  /** Loses whatever comes from now on, in both directions; nobody is told. */
  swallow(): void {
    this.#mode = 'swallow';
  }

  /** Ends the direction in which a side sends; the other one goes on. */
  halfClose(side: 'client' | 'server'): void {
    for (const { client, server } of this.#links) {
      (side === 'client' ? server : client).end();
    }
  }

  /** Delays what comes from now on, each piece by the same time; 0 is as fast as it comes. */
  delayBy(ms: number): void {
    this.#delayMs = ms;
  }

  /** Lets everything pass again. What was swallowed is lost for good. */
  resume(): void {
    this.#mode = 'pass';
    for (const { client, server } of this.#links) {
      client.resume();
      server.resume();
    }
  }

  /** Cuts everything and stops listening. */
  async close(): Promise<void> {
    this.refuse();
    const closed = once(this.#server, 'close');
    this.#server.close();
    await closed;
  }

  #accept(client: Socket): void {
    if (this.#mode === 'refuse') {
      client.destroy();
      return;
    }
    this.#connections += 1;
    const connection = this.#connections;
    const server = connect({ ...this.#target, allowHalfOpen: true });
    const link: Link = { client, server };
    this.#links.add(link);
    let isAsking = false;
    this.#pass(client, server, (piece) => {
      this.#watcher('client', connection, piece);
      isAsking = true;
    });
    this.#pass(server, client, (piece) => {
      this.#watcher('server', connection, piece);
      this.#roundTrips += isAsking ? 1 : 0;
      isAsking = false;
    });
    server.once('close', () => {
      client.destroy();
      this.#links.delete(link);
    });
    if (this.#mode === 'stall') {
      client.pause();
      server.pause();
    }
  }

  #pass(from: Socket, to: Socket, onPiece: (piece: Buffer) => void): void {
    from.setNoDelay(true);
    from.on('error', () => {}); // what is cut is cut: its peer is told by the cut
    from.on('data', (piece: Buffer) => {
      if (this.#mode === 'swallow' || to.destroyed) {
        return;
      }
      onPiece(piece);
      if (this.#delayMs === 0) {
        to.write(piece);
      } else {
        setTimeout(() => to.write(piece), this.#delayMs);
      }
    });
    from.on('end', () => {
      if (this.#mode !== 'swallow') {
        to.end();
      }
    });
  }
}
