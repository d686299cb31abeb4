import { setTimeout as delay } from 'node:timers/promises';
import type { Db } from '../store/database.js';
import { listenForMessages } from '../store/listen.js';
import {
  type LeasedMessage,
  leaseDueMessages,
  makeAllDue,
  nextDueInMs,
  postponeMessage,
  readLeasedMessage,
} from '../store/outbox.js';
import { Breaker } from './breaker.js';
import { classify } from './classify.js';
import { send, settle, type Settled } from './deliver.js';
import type { Temporal } from './temporal.js';

/** Where delivery says what happens to it. */
export type DeliveryLogger = {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
};

/** What a sender works with. */
export type SenderDependencies = {
  readonly db: Db;
  readonly databaseUrl: string;
  readonly temporal: Temporal;
  readonly logger: DeliveryLogger;
  /** Told of every message that was sent, for metrics. */
  readonly onSettled?: (kind: LeasedMessage['kind'], settled: Settled) => void;
  /** How often, about, to look at what is owed although nobody told of any; every five seconds unless told. */
  readonly pollMs?: number;
};

/** How long the API may take to tell Temporal before it answers `pending`. */
export const FORWARD_DEADLINE_MS = 2_000;
/** How long a row stays leased to the process that wrote it: its deadline and some slack. */
export const FORWARD_LEASE_MS = 5_000;

const LEASE_MS = 30_000;
const BATCH = 50;
const CONCURRENCY = 16;
const POLL_MS = 5_000;
const SHORTEST_REST_MS = 20;
const PROBE_EVERY_MS = 500;
const QUIET_PROBES = 3;
const PACE_WINDOW_MS = 100;

/** Whether Temporal answers, as far as this process knows. */
export type TemporalReachability = {
  readonly reachable: boolean;
  readonly since: string | null;
  readonly reason: string | null;
};

/**
 * Delivers what is owed to Temporal, in every instance, until it is stopped.
 *
 * A plain loop that depends on nothing it repairs: it leases rows that are due (no row to two
 * senders), sends them, and enters what came of it; it is woken by NOTIFY, and polls as well. While
 * Temporal is away the breaker holds it, and what is owed stays owed; when a probe is answered,
 * everything becomes due at once.
 */
export class Sender {
  readonly #deps: SenderDependencies;
  readonly #breaker = new Breaker();
  readonly #stopped = new AbortController();
  #wake: () => void = () => {};
  #isWoken = false;
  #heardAt = 0;
  #loop: Promise<void> = Promise.resolve();
  #unlisten: () => Promise<void> = async () => {};

  constructor(dependencies: SenderDependencies) {
    this.#deps = dependencies;
  }

  /** Begins to deliver; returns at once. */
  start(): void {
    this.#heardAt = Date.now();
    this.#unlisten = listenForMessages(this.#deps.databaseUrl, () => this.#awaken());
    this.#loop = this.#run();
  }

  /** Finishes what is being sent and ends. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#awaken();
    await Promise.all([this.#loop, this.#unlisten()]);
  }

  reachability(): TemporalReachability {
    const { outage } = this.#breaker;
    return {
      reachable: outage === null,
      since: outage === null ? null : new Date(outage.since).toISOString(),
      reason: outage?.reason ?? null,
    };
  }

  /**
   * Sends messages that this process has just owed and leased, within a short deadline.
   *
   * It never throws and never waits longer: what could not be sent is left to the loop.
   */
  async forward(
    leases: readonly { readonly id: string; readonly leaseToken: string }[],
  ): Promise<void> {
    const sending = Promise.all(leases.map((lease) => this.#forwardOne(lease)));
    await Promise.race([sending, delay(FORWARD_DEADLINE_MS, undefined, { ref: false })]);
  }

  async #forwardOne(lease: { readonly id: string; readonly leaseToken: string }): Promise<void> {
    const { db, logger } = this.#deps;
    try {
      if (this.#breaker.isOpen) {
        await this.#giveBack(lease);
        return;
      }
      const message = await readLeasedMessage(db, lease);
      if (message !== null) {
        await this.#deliver(message);
      }
    } catch (error) {
      logger.warn({ err: error, outboxId: lease.id }, 'forwarding failed; the loop will retry');
    }
  }

  async #run(): Promise<void> {
    const { logger } = this.#deps;
    while (!this.#stopped.signal.aborted) {
      try {
        if (this.#breaker.isOpen) {
          await this.#probe();
        } else if ((await this.#deliverBatch()) === 0) {
          await this.#sleepUntilWoken(await this.#restMs());
          await this.#askWhenQuiet();
        }
      } catch (error) {
        logger.warn({ err: error }, 'delivery is waiting for the store');
        await this.#sleepUntilWoken(1_000);
      }
    }
  }

  async #deliverBatch(): Promise<number> {
    const allowed = this.#breaker.allowance(Date.now(), PACE_WINDOW_MS);
    const limit = Math.min(BATCH, allowed);
    this.#isWoken = false;
    const messages = await leaseDueMessages(this.#deps.db, { limit, leaseMs: LEASE_MS });
    const queue = [...messages];
    const work = async (): Promise<void> => {
      for (let message = queue.shift(); message !== undefined; message = queue.shift()) {
        await (this.#breaker.isOpen ? this.#giveBack(message) : this.#deliver(message));
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, work));
    if (allowed < BATCH) {
      await delay(PACE_WINDOW_MS);
    }
    return messages.length;
  }

  /** Asks Temporal whether it is there when nothing was sent for a while, so that `/readyz` knows. */
  async #askWhenQuiet(): Promise<void> {
    if (Date.now() - this.#heardAt < POLL_MS) {
      return;
    }
    for (let unanswered = 0; !this.#stopped.signal.aborted;) {
      try {
        await this.#deps.temporal.probe();
        this.#heardAt = Date.now();
        return;
      } catch (error) {
        const delivery = classify(error);
        unanswered += 1;
        if (delivery.kind !== 'retry' && delivery.kind !== 'config') {
          return;
        }
        // One late answer is no outage.
        if (unanswered === QUIET_PROBES) {
          this.#breaker.open(delivery.reason, Date.now());
          this.#deps.logger.warn(
            { reason: delivery.reason },
            'Temporal is away; what is owed waits',
          );
          return;
        }
      }
      await this.#sleepUntilWoken(PROBE_EVERY_MS);
    }
  }

  /** Frees what was leased before it was known that Temporal is away. */
  async #giveBack(lease: { readonly id: string; readonly leaseToken: string }): Promise<void> {
    const reason = this.#breaker.outage?.reason ?? 'Temporal does not answer';
    await postponeMessage(this.#deps.db, lease, 0, reason);
  }

  /** How long to sleep: until the next message is due, and at most until the next poll. */
  async #restMs(): Promise<number> {
    const pollMs = (this.#deps.pollMs ?? POLL_MS) * (0.75 + Math.random() / 2);
    const dueMs = await nextDueInMs(this.#deps.db);
    // One that is due now is being leased by somebody else at this moment.
    return dueMs === null ? pollMs : Math.min(pollMs, Math.max(dueMs, SHORTEST_REST_MS));
  }

  async #deliver(message: LeasedMessage): Promise<void> {
    const { db, temporal, logger, onSettled } = this.#deps;
    const delivery = await send(temporal, db, message);
    if (delivery.kind === 'config') {
      this.#breaker.open(delivery.reason, Date.now());
      logger.error({ reason: delivery.reason }, 'Temporal refuses us: check TEMPORAL_* settings');
    } else if (delivery.kind === 'retry' && delivery.isOutage) {
      const wasOpen = this.#breaker.isOpen;
      if (this.#breaker.failed(delivery.reason, Date.now()) && !wasOpen) {
        logger.warn({ reason: delivery.reason }, 'Temporal is away; what is owed waits');
      }
    } else {
      this.#breaker.succeeded();
      this.#heardAt = Date.now();
    }
    const settled = await settle(db, message, delivery);
    if (settled === 'failed') {
      const { id, kind, runId, reviewId } = message;
      logger.error({ outboxId: id, kind, runId, reviewId }, 'a message could not be delivered');
    }
    onSettled?.(message.kind, settled);
  }

  async #probe(): Promise<void> {
    const { db, temporal, logger } = this.#deps;
    await this.#sleepUntilWoken(PROBE_EVERY_MS, false);
    if (this.#stopped.signal.aborted) {
      return;
    }
    try {
      await temporal.probe();
    } catch {
      return;
    }
    await makeAllDue(db);
    this.#breaker.close(Date.now());
    logger.info({}, 'Temporal answers again');
  }

  #awaken(): void {
    this.#isWoken = true;
    this.#wake();
  }

  async #sleepUntilWoken(ms: number, byNotice = true): Promise<void> {
    if (this.#stopped.signal.aborted || (byNotice && this.#isWoken)) {
      return;
    }
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        if (byNotice || this.#stopped.signal.aborted) {
          clearTimeout(timer);
          resolve();
        }
      };
    });
    this.#wake = () => {};
  }
}
