import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Db } from '../store/database.js';
import {
  type LeasedMessage,
  leaseDueMessages,
  makeAllDue,
  nextDueInMs,
  postponeMessage,
  renewLeases,
} from '../store/outbox.js';
import { Breaker } from './breaker.js';
import { classify, type Delivery } from './classify.js';
import { isGone, send, sendHint, settle, type Settled } from './deliver.js';
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
  readonly temporal: Temporal;
  readonly logger: DeliveryLogger;
  /** Told of every message that was sent, for metrics. */
  readonly onSettled?: (kind: LeasedMessage['kind'], settled: Settled) => void;
  /** How often, about, to look at what other processes owe; a few times a second unless told. */
  readonly pollMs?: number;
  /** How long a gate whose run was told first may have to wait for its turn; three seconds unless told. */
  readonly gateAtLatestMs?: number;
};

/** How long the API may take to tell Temporal before it answers `pending`. */
export const FORWARD_DEADLINE_MS = 2_000;
/**
 * How long a row stays leased to who sends it, who renews that while the call is under way.
 *
 * What a process that died has owed is with another one this long and one look later: within 5 s.
 */
export const LEASE_MS = 4_000;

/**
 * How long after its run a gate is told that its step has ended: so long, and then until this process tells no run
 * and sends nothing else, but no longer than `GATE_AT_LATEST_MS`.
 *
 * The next block is on its way by then: told at once, or many together, the tasks of gates compete with those
 * of runs for the same workers. Nobody waits for a gate but the run's own end.
 */
const GATE_AFTER_MS = 100;
const GATE_AT_LATEST_MS = 3_000;
const RENEW_EVERY_MS = 1_000;
const BATCH = 50;
const CONCURRENCY = 16;
const POLL_MS = 375;
/** Temporal is asked whether it is there when nothing was sent to it for so long. */
const QUIET_MS = 5_000;
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
 * senders), sends them, and enters what came of it. It looks a few times a second, with one short
 * statement, and at once when its own process says that something is due. While Temporal is away the breaker holds it, and what is owed stays owed; when a probe is answered,
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
  readonly #forwarding = new Set<Promise<void>>();
  /** The messages that this process has leased and is sending. One statement renews all of their leases. */
  readonly #held = new Set<{ readonly message: LeasedMessage; readonly since: number }>();
  #renewing: NodeJS.Timeout | null = null;
  /** How many who have asked for a message to be sent are waiting for word of it. */
  #telling = 0;
  /** How many messages are on their way to Temporal, hints left out. */
  #sending = 0;

  constructor(dependencies: SenderDependencies) {
    this.#deps = dependencies;
    // Every gate that is told a little later listens, and Node takes more than ten listeners for a leak.
    setMaxListeners(0, this.#stopped.signal);
  }

  /** Begins to deliver; returns at once. */
  start(): void {
    this.#heardAt = Date.now();
    this.#loop = this.#run();
  }

  /** Finishes what is being sent and ends. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.wake();
    await Promise.all([this.#loop, ...this.#forwarding]);
  }

  /** Looks at once at what is due; for whoever has just owed something without a lease. */
  wake(): void {
    this.#isWoken = true;
    this.#wake();
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
   * It never throws and never waits longer: what could not be sent is left to the loop. It resolves when
   * Temporal has taken them; where a run is told before its gate, when the run has been told. The gate, and the
   * entry in the outbox, come after.
   *
   * @returns the ids of those that Temporal has taken
   */
  async forward(messages: readonly LeasedMessage[]): Promise<ReadonlySet<string>> {
    const taken = new Set<string>();
    if (messages.length === 0) {
      this.wake();
      return taken;
    }
    const told = messages.map(async (message) => {
      if (await this.#forwardOne(message)) {
        taken.add(message.id);
      }
    });
    await Promise.race([Promise.all(told), delay(FORWARD_DEADLINE_MS, undefined, { ref: false })]);
    return new Set(taken);
  }

  /** Sends one message: true as soon as Temporal has taken it, false once it is entered what came of it. */
  #forwardOne(message: LeasedMessage): Promise<boolean> {
    const { logger } = this.#deps;
    this.#telling += 1;
    const isTaken = new Promise<boolean>((resolve) => {
      const forwarding = (
        this.#breaker.isOpen
          ? this.#giveBack(message)
          : this.#holding([message], () => this.#deliver(message, () => resolve(true)))
      )
        .catch((error: unknown) => {
          logger.warn(
            { err: error, outboxId: message.id },
            'forwarding failed; the loop will retry',
          );
        })
        .finally(() => {
          resolve(false);
          this.#forwarding.delete(forwarding);
        });
      this.#forwarding.add(forwarding);
    });
    return isTaken.finally(() => {
      this.#telling -= 1;
    });
  }

  async #run(): Promise<void> {
    const { logger } = this.#deps;
    while (!this.#stopped.signal.aborted) {
      try {
        if (this.#breaker.isOpen) {
          await this.#probe();
        } else {
          this.#isWoken = false;
          const dueMs = await nextDueInMs(this.#deps.db);
          if (dueMs !== 0 || (await this.#deliverBatch()) === 0) {
            await this.#sleepUntilWoken(this.#restMs(dueMs));
            await this.#askWhenQuiet();
          }
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
    const messages = await leaseDueMessages(this.#deps.db, { limit, leaseMs: LEASE_MS });
    const queue = [...messages];
    const work = async (): Promise<void> => {
      for (let message = queue.shift(); message !== undefined; message = queue.shift()) {
        await (this.#breaker.isOpen ? this.#giveBack(message) : this.#deliver(message));
      }
    };
    await this.#holding(messages, () => Promise.all(Array.from({ length: CONCURRENCY }, work)));
    if (allowed < BATCH) {
      await delay(PACE_WINDOW_MS);
    }
    return messages.length;
  }

  /** Keeps what is leased for as long as the calls take, and no longer than this process lives. */
  async #holding(messages: readonly LeasedMessage[], work: () => Promise<unknown>): Promise<void> {
    const held = messages.map((message) => ({ message, since: Date.now() }));
    held.forEach((one) => this.#held.add(one));
    this.#renewing ??= setInterval(() => this.#renew(), RENEW_EVERY_MS);
    try {
      await work();
    } finally {
      held.forEach((one) => this.#held.delete(one));
      if (this.#held.size === 0 && this.#renewing !== null) {
        clearInterval(this.#renewing);
        this.#renewing = null;
      }
    }
  }

  /** Renews every lease that has been held for a while, in one statement. */
  #renew(): void {
    const { db, logger } = this.#deps;
    const held = [...this.#held].filter(({ since }) => Date.now() - since >= RENEW_EVERY_MS);
    if (held.length === 0) {
      return;
    }
    const messages = held.map(({ message }) => message);
    renewLeases(db, messages, LEASE_MS).catch((error: unknown) => {
      logger.warn({ err: error }, 'leases could not be renewed; others may send the same again');
    });
  }

  /** Asks Temporal whether it is there when nothing was sent for a while, so that `/readyz` knows. */
  async #askWhenQuiet(): Promise<void> {
    if (Date.now() - this.#heardAt < QUIET_MS) {
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

  /** How long to sleep: until the next message is due, and at most until the next look. */
  #restMs(dueMs: number | null): number {
    const pollMs = (this.#deps.pollMs ?? POLL_MS) * (0.75 + Math.random() / 2);
    // One that is due now is being leased by somebody else at this moment.
    return dueMs === null ? pollMs : Math.min(pollMs, Math.max(dueMs, SHORTEST_REST_MS));
  }

  /**
   * Sends one message and enters what came of it.
   *
   * @param onTaken hears at once that Temporal has taken it; who waits for that has the gate told later
   */
  async #deliver(message: LeasedMessage, onTaken?: () => void): Promise<void> {
    const { db, temporal, logger, onSettled } = this.#deps;
    const hinted = await sendHint(temporal, message);
    if (hinted?.kind === 'delivered' && onTaken !== undefined) {
      onTaken();
      await this.#untilGatesTurn();
    }
    const isRunGone = hinted !== null && isGone(hinted);
    const isAway = hinted !== null && hinted.kind !== 'delivered' && !isRunGone;
    const delivery = isAway ? hinted : await this.#send(message);
    this.#heed(delivery);
    if (delivery.kind === 'delivered' && !isRunGone) {
      onTaken?.();
    }
    const settled = await settle(db, message, delivery, isRunGone);
    if (settled === 'failed') {
      const { id, kind, runId, reviewId } = message;
      logger.error({ outboxId: id, kind, runId, reviewId }, 'a message could not be delivered');
    }
    onSettled?.(message.kind, settled);
    if ((message.kind === 'start' || message.kind === 'restart') && settled !== 'owed') {
      this.wake(); // whatever waited behind it may go now
    }
  }

  async #send(message: LeasedMessage): Promise<Delivery> {
    this.#sending += 1;
    try {
      return await send(this.#deps.temporal, this.#deps.db, message);
    } finally {
      this.#sending -= 1;
    }
  }

  async #untilGatesTurn(): Promise<void> {
    const { signal } = this.#stopped;
    const { gateAtLatestMs = GATE_AT_LATEST_MS } = this.#deps;
    for (let isTurn = false, waitedMs = 0; !isTurn && !signal.aborted;) {
      await delay(GATE_AFTER_MS, undefined, { signal }).catch(() => {});
      waitedMs += GATE_AFTER_MS;
      const isQuiet = this.#telling === 0 && this.#sending === 0;
      isTurn = isQuiet || waitedMs >= gateAtLatestMs;
    }
  }

  /** Learns from an answer, or from none, whether Temporal is there. */
  #heed(delivery: Delivery): void {
    const { logger } = this.#deps;
    if (delivery.kind === 'config') {
      this.#breaker.open(delivery.reason, Date.now());
      logger.error({ reason: delivery.reason }, 'Temporal refuses us: check TEMPORAL_* settings');
    } else if (delivery.kind === 'retry' && delivery.isOutage) {
      const wasOpen = this.#breaker.isOpen;
      if (this.#breaker.failed(delivery.reason, Date.now()) && !wasOpen) {
        logger.warn({ reason: delivery.reason }, 'Temporal is away; what is owed waits');
      }
    } else if (delivery.kind !== 'unsent') {
      this.#breaker.succeeded();
      this.#heardAt = Date.now();
    }
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
