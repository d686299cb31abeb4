import { TcpProxy } from './tcp-proxy.js';

/** What has been asked of PostgreSQL. */
export type Spent = {
  readonly roundTrips: number;
  /** Statements that were executed, `start transaction` and `commit` included. */
  readonly statements: number;
  /** Commits that wrote something. */
  readonly writeCommits: number;
  readonly notifications: number;
};

/** Reads the messages of one direction of a connection, however they were cut into pieces. */
class Messages {
  #rest = Buffer.alloc(0);
  #isStarted: boolean;

  /** @param isStarted whether every message has a type; the first one of a client has none */
  constructor(isStarted: boolean) {
    this.#isStarted = isStarted;
  }

  take(piece: Buffer): readonly { readonly type: string; readonly body: Buffer }[] {
    const messages: { type: string; body: Buffer }[] = [];
    this.#rest = Buffer.concat([this.#rest, piece]);
    for (;;) {
      const head = this.#isStarted ? 1 : 0;
      if (this.#rest.length < head + 4) {
        return messages;
      }
      const end = head + this.#rest.readInt32BE(head);
      if (this.#rest.length < end) {
        return messages;
      }
      if (this.#isStarted) {
        const type = this.#rest.toString('latin1', 0, 1);
        messages.push({ type, body: Buffer.from(this.#rest.subarray(5, end)) });
      }
      this.#rest = this.#rest.subarray(end);
      this.#isStarted = true;
    }
  }
}

type Connection = {
  readonly client: Messages;
  readonly server: Messages;
  hasWritten: boolean;
};

/** A proxy in front of PostgreSQL that counts, by its protocol, what one process asks of it. */
export class PostgresMeter {
  readonly #proxy: TcpProxy;
  readonly #connections = new Map<number, Connection>();
  #statements = 0;
  #writeCommits = 0;
  #notifications = 0;

  private constructor(proxy: TcpProxy) {
    this.#proxy = proxy;
    proxy.watch((from, id, piece) => this.#read(from, id, piece));
  }

  static async inFrontOf(url: string): Promise<PostgresMeter> {
    return new PostgresMeter(await TcpProxy.inFrontOf(url));
  }

  /** The same URL, leading through the meter. */
  through(url: string): string {
    return this.#proxy.through(url);
  }

  get spent(): Spent {
    return {
      roundTrips: this.#proxy.roundTrips,
      statements: this.#statements,
      writeCommits: this.#writeCommits,
      notifications: this.#notifications,
    };
  }

  async close(): Promise<void> {
    await this.#proxy.close();
  }

  #read(from: 'client' | 'server', id: number, piece: Buffer): void {
    let connection = this.#connections.get(id);
    if (connection === undefined) {
      connection = { client: new Messages(false), server: new Messages(true), hasWritten: false };
      this.#connections.set(id, connection);
    }
    for (const { type, body } of connection[from].take(piece)) {
      if (from === 'client') {
        this.#statements += type === 'E' || type === 'Q' ? 1 : 0;
      } else {
        this.#hear(connection, type, body.toString('latin1'));
      }
    }
  }

  #hear(connection: Connection, type: string, body: string): void {
    if (type === 'A' || (type === 'C' && body.startsWith('NOTIFY'))) {
      this.#notifications += 1;
    } else if (type === 'C' && /^(INSERT 0|UPDATE|DELETE|MERGE) [1-9]/.test(body)) {
      connection.hasWritten = true;
    } else if (type === 'Z' && body === 'I') {
      this.#writeCommits += connection.hasWritten ? 1 : 0;
      connection.hasWritten = false;
    }
  }
}

/** What was spent between two readings, by all meters together. */
export function spentSince(before: readonly Spent[], after: readonly Spent[]): Spent {
  const sum = (key: keyof Spent): number =>
    after.reduce((total, spent, index) => total + spent[key] - (before[index]?.[key] ?? 0), 0);
  return {
    roundTrips: sum('roundTrips'),
    statements: sum('statements'),
    writeCommits: sum('writeCommits'),
    notifications: sum('notifications'),
  };
}
