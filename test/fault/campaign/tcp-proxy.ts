import { once } from 'node:events';
import { createServer, connect, type Server, type Socket } from 'node:net';

/**
 * What can happen on the way between a process and a server.
 *
 * 1. `drop`: every connection is reset, and so is whoever connects.
 * 2. `delay`: everything arrives late, in order.
 * 3. `half-close`: one side of every connection hears that the other has finished, and goes on.
 * 4. `stall`: nothing moves, new connections included; what was sent arrives when it is over.
 * 5. `gone`: every connection is dead and neither side is told, then or ever.
 * 6. `left-behind`: the client's side of a connection is cut in the middle of a transaction, and the
 *    server keeps its side: its session lives on, with its locks.
 */
export const CUTS = ['drop', 'delay', 'half-close', 'stall', 'gone', 'left-behind'] as const;
export type Cut = (typeof CUTS)[number];

type Side = 'client' | 'server';

/** One connection through the proxy. */
type Link = {
  readonly client: Socket;
  readonly server: Socket;
  /** Bytes are swallowed, and an end of one side is not told to the other. */
  isDead: boolean;
  /** How many answers in a row said that a transaction is open. */
  answersInTransaction: number;
};

const READY_IN_TRANSACTION = Buffer.from([0x5a, 0, 0, 0, 5, 0x54]); // ReadyForQuery, status 'T'

/** A TCP proxy in front of one server, for one process; it passes everything on until it is told otherwise. */
export class TcpProxy {
  readonly #server: Server;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #links = new Set<Link>();
  /** Accepted, and not connected any further. */
  readonly #waiting = new Set<Socket>();
  /** Sides of dead connections: kept open until the end, because closing them would tell. */
  readonly #kept = new Set<Socket>();
  #cut: Cut | null = null;
  #delayMs = 0;
  #cutLinks = 0;

  constructor(target: { readonly host: string; readonly port: number }) {
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) =>
      this.#accept(client),
    );
  }

  /** Listens on the loopback address. */
  async listen(port: number): Promise<void> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  /** How many connections were hurt so far. */
  get cutConnections(): number {
    return this.#cutLinks;
  }

  /** From now on this happens; what happened before to a connection that is dead stays so. */
  cut(cut: Cut, delayMs = 500): void {
    this.heal();
    this.#cut = cut;
    this.#delayMs = delayMs;
    for (const link of this.#links) {
      this.#hurt(link, cut);
    }
  }

  /** Passes everything on again; the dead stay dead. */
  heal(): void {
    this.#cut = null;
    for (const link of this.#links) {
      if (!link.isDead) {
        link.client.resume();
        link.server.resume();
      }
    }
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const client of waiting) {
      this.#connect(client);
    }
  }

  async close(): Promise<void> {
    for (const socket of [...this.#kept, ...this.#waiting]) {
      socket.destroy();
    }
    for (const { client, server } of this.#links) {
      client.destroy();
      server.destroy();
    }
    this.#server.close();
    await once(this.#server, 'close');
  }

  #hurt(link: Link, cut: Cut): void {
    if (link.isDead) {
      return;
    }
    switch (cut) {
      case 'drop':
        link.client.resetAndDestroy();
        link.server.resetAndDestroy();
        break;
      case 'half-close':
        // Alternately the server's side and the client's side hears that the other has finished.
        (this.#cutLinks % 2 === 0 ? link.server : link.client).end();
        break;
      case 'stall':
        link.client.pause();
        link.server.pause();
        break;
      case 'gone':
        this.#bury(link);
        break;
      case 'delay':
      case 'left-behind':
        return; // it shows as bytes pass
    }
    this.#cutLinks += 1;
  }

  /** Neither side is told, and whatever either of them says is swallowed. */
  #bury(link: Link): void {
    link.isDead = true;
    link.client.resume();
    link.server.resume();
    this.#kept.add(link.client);
    this.#kept.add(link.server);
  }

  #leaveBehind(link: Link): void {
    link.isDead = true;
    this.#kept.add(link.server);
    link.client.resetAndDestroy();
    this.#cutLinks += 1;
  }

  #accept(client: Socket): void {
    client.on('error', () => client.destroy());
    switch (this.#cut) {
      case 'drop':
        client.resetAndDestroy();
        return;
      case 'stall':
        this.#waiting.add(client);
        client.once('close', () => this.#waiting.delete(client));
        return;
      case 'gone':
        client.resume();
        this.#kept.add(client);
        this.#cutLinks += 1;
        return;
      default:
        this.#connect(client);
    }
  }

  #connect(client: Socket): void {
    const server = connect({ ...this.#target, allowHalfOpen: true, noDelay: true });
    const link: Link = { client, server, isDead: false, answersInTransaction: 0 };
    this.#links.add(link);
    server.on('error', () => server.destroy());
    this.#pass(link, 'client');
    this.#pass(link, 'server');
  }

  /** Passes on what one side says, in order. */
  #pass(link: Link, side: Side): void {
    const [from, to] = side === 'client' ? [link.client, link.server] : [link.server, link.client];
    let earlier = Promise.resolve();
    const inOrder = (act: () => void): void => {
      if (this.#cut === 'delay') {
        const late = new Promise((resolve) => setTimeout(resolve, this.#delayMs));
        earlier = earlier.then(async () => {
          await late;
        });
      }
      earlier = earlier.then(act);
    };
    from.on('data', (chunk: Buffer) => {
      if (link.isDead) {
        return;
      }
      if (side === 'server' && this.#mayLeaveBehind(link, chunk)) {
        this.#leaveBehind(link);
        return;
      }
      inOrder(() => {
        if (!link.isDead && !to.write(chunk) && this.#cut !== 'stall') {
          from.pause();
          to.once('drain', () => this.#cut === 'stall' || from.resume());
        }
      });
    });
    from.on('end', () => {
      if (!link.isDead) {
        inOrder(() => to.end());
      }
    });
    from.on('close', () => {
      if (link.isDead) {
        this.#links.delete(link);
        return;
      }
      inOrder(() => {
        to.destroy();
        this.#links.delete(link);
      });
    });
  }

  /** Whether this is the moment to cut: a transaction is open and has answered, so that it is likely to hold locks. */
  #mayLeaveBehind(link: Link, chunk: Buffer): boolean {
    const isOpen = chunk.subarray(-READY_IN_TRANSACTION.length).equals(READY_IN_TRANSACTION);
    link.answersInTransaction = isOpen ? link.answersInTransaction + 1 : 0;
    return this.#cut === 'left-behind' && link.answersInTransaction >= ANSWERS_BEFORE_CUT;
  }
}

/** The first answers are those to BEGIN and to the reads before a lock. */
const ANSWERS_BEFORE_CUT = 3;
