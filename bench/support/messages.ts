/** What a bench process is asked by the one that measures. */
export type Question = 'spans';

/** What a bench process tells the one that measures, each as one message on the channel between them. */
export type Told =
  | { readonly kind: 'ready' }
  /** The body of a run's downstream step has begun. */
  | { readonly kind: 'started'; readonly runId: string; readonly atMs: number }
  | { readonly kind: 'spans'; readonly spans: readonly Span[] };

/** One statement that PostgreSQL was sent, one call that Temporal answered, or one HTTP request that was answered. */
export type Span = {
  readonly kind: 'statement' | 'call' | 'request';
  /** On whose behalf: `POST /v1/workflows/runs`, `activity runStep`, or `none`. */
  readonly scope: string;
  /** Names the request or the attempt of an activity: spans of one of them belong together. */
  readonly scopeId: string;
  /** The statement's SQL, the call's method, or the request's method and path. */
  readonly text: string;
  readonly fromMs: number;
  readonly toMs: number;
};

/** Sends a message to the process that measures; dropped where there is none. */
export function tell(message: Told): void {
  process.send?.(message);
}

/** Answers what the process that measures asks. The channel does not keep this process alive. */
export function onQuestion(asked: Question, answer: () => void): void {
  process.on('message', (question) => {
    if (question === asked) {
      answer();
    }
  });
  process.once('disconnect', () => process.exit(1));
  process.channel?.unref();
}
