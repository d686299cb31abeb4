/** How many outages in a row open the breaker. */
const OUTAGES_TO_OPEN = 5;

/** How long after it closed the sending rate is held back, so that recovery is no stampede. */
const RAMP_MS = 6_000;
const RAMP_START_PER_SECOND = 100;

/**
 * Remembers whether Temporal answers, so that an outage does not cost a call for every row owed.
 *
 * closed → (5 outages in a row, or one of configuration) → open → (a probe succeeds) → ramping →
 * (6 s) → closed. While it is open nothing is sent but probes; while it ramps, at most 100 messages a
 * second, doubling every second.
 */
export class Breaker {
  #outages = 0;
  #openedAt: number | null = null;
  #closedAt: number | null = null;
  #reason: string | null = null;

  get isOpen(): boolean {
    return this.#openedAt !== null;
  }

  /** Since when Temporal does not answer, in epoch milliseconds, and why; null while it does. */
  get outage(): { readonly since: number; readonly reason: string } | null {
    return this.#openedAt === null
      ? null
      : { since: this.#openedAt, reason: this.#reason ?? 'unknown' };
  }

  /** Notes that Temporal answered, whatever it said. */
  succeeded(): void {
    this.#outages = 0;
  }

  /** Notes that it did not; says whether the breaker is open now. */
  failed(reason: string, nowMs: number): boolean {
    this.#outages += 1;
    return this.#outages >= OUTAGES_TO_OPEN ? this.open(reason, nowMs) : this.isOpen;
  }

  /** Opens it at once: credentials or namespace are wrong, and every call would fail alike. */
  open(reason: string, nowMs: number): boolean {
    this.#openedAt ??= nowMs;
    this.#reason = reason;
    return true;
  }

  /** A probe succeeded. */
  close(nowMs: number): void {
    this.#outages = 0;
    this.#openedAt = null;
    this.#reason = null;
    this.#closedAt = nowMs;
  }

  /** How many messages may be sent within the next `windowMs`. */
  allowance(nowMs: number, windowMs: number): number {
    if (this.isOpen) {
      return 0;
    }
    const sinceMs = this.#closedAt === null ? RAMP_MS : nowMs - this.#closedAt;
    if (sinceMs >= RAMP_MS) {
      return Number.MAX_SAFE_INTEGER;
    }
    const perSecond = RAMP_START_PER_SECOND * 2 ** Math.floor(sinceMs / 1_000);
    return Math.max(1, Math.floor((perSecond * windowMs) / 1_000));
  }
}
