import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Backlog } from '../store/outbox.js';

/** What an operator can watch, in a registry of its own for each app. */
export type Metrics = {
  readonly observeRequest: (routeId: string, status: number, seconds: number) => void;
  readonly countVote: (verdict: string, dialect: string) => void;
  /** What the latest pass of the drift audit found, by code. */
  readonly showFindings: (found: ReadonlyMap<string, number>) => void;
  /** The text of `/metrics`, with whether PostgreSQL serves, and the backlog; null when it could not be read. */
  readonly expose: (
    isUp: boolean,
    backlog: Backlog | null,
  ) => Promise<{ readonly text: string; readonly contentType: string }>;
};

/** How often the lag of the event loop is sampled: each sample wakes an idle process, by default every 10 ms. */
const LAG_SAMPLE_MS = 500;

/** Makes the metrics of one app. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LAG_SAMPLE_MS });
  const requests = new Histogram({
    name: 'countersign_http_request_duration_seconds',
    help: 'How long requests took, by route and status.',
    labelNames: ['route', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  });
  const votes = new Counter({
    name: 'countersign_votes_total',
    help: 'Votes and withdrawals recorded by this process; repeats are not counted.',
    labelNames: ['verdict', 'dialect'],
    registers: [registry],
  });
  const findings = new Gauge({
    name: 'countersign_drift_findings',
    help: 'What the latest pass of the drift audit found, by code; only where a worker audited.',
    labelNames: ['code'],
    registers: [registry],
  });
  const gauge = (name: string, help: string): Gauge =>
    new Gauge({ name, help, registers: [registry] });
  const pending = gauge('countersign_backlog_pending', 'Messages owed to Temporal.');
  const failed = gauge('countersign_backlog_failed', 'Messages that could not be delivered.');
  const oldest = gauge(
    'countersign_backlog_oldest_seconds',
    'Age of the oldest message owed to Temporal; 0 when nothing is owed.',
  );
  const up = gauge('countersign_postgres_up', 'Whether PostgreSQL serves this process.');

  return {
    observeRequest: (route, status, seconds) => {
      requests.observe({ route, status }, seconds);
    },
    countVote: (verdict, dialect) => {
      votes.inc({ verdict, dialect });
    },
    showFindings: (found) => {
      findings.reset();
      for (const [code, count] of found) {
        findings.set({ code }, count);
      }
    },
    expose: async (isUp, backlog) => {
      up.set(isUp ? 1 : 0);
      if (backlog !== null) {
        pending.set(backlog.pending);
        failed.set(backlog.failed);
        oldest.set((backlog.oldestPendingMs ?? 0) / 1_000);
      }
      return { text: await registry.metrics(), contentType: registry.contentType };
    },
  };
}
