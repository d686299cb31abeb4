const MAX_RETRIES = 3;
const MAX_DELAY_MS = 10_000;

/**
 * How long to wait before a read is sent again, or null when it is not.
 *
 * Only answers that ask for it (429, 503) are worth another try, a few times, as late as their
 * `Retry-After` says; one that asks for more than ten seconds is given to the caller at once.
 *
 * @param retries how often this read has been sent again already
 */
export function retryDelayMs(
  answer: { readonly status: number; readonly retryAfter: string | null },
  retries: number,
  now: Date = new Date(),
): number | null {
  if ((answer.status !== 429 && answer.status !== 503) || retries >= MAX_RETRIES) {
    return null;
  }
  const delayMs = askedDelayMs(answer.retryAfter, now) ?? 250 * 2 ** retries;
  return delayMs > MAX_DELAY_MS ? null : delayMs;
}

/** A `Retry-After` in either of its forms: seconds, or a date. */
function askedDelayMs(retryAfter: string | null, now: Date): number | null {
  if (retryAfter === null) {
    return null;
  }
  if (/^\d+$/.test(retryAfter.trim())) {
    return Number(retryAfter) * 1_000;
  }
  const at = Date.parse(retryAfter);
  return Number.isNaN(at) ? null : Math.max(0, at - now.getTime());
}
