import type { Caller, OpenedReview, Reply, TestApi } from './api.js';

/** Votes as the hoop contract has it: on a review, by its id unless another is given. */
export async function put(
  api: TestApi,
  review: Pick<OpenedReview, 'id'>,
  as: Caller,
  body: unknown,
): Promise<Reply> {
  return await api.send('PUT', `/api/reviews/${review.id}`, { as, body });
}

/** The answer of an error in this contract. */
export function refusal(
  status: number,
  message: string,
): { readonly status: number; readonly body: unknown } {
  return { status, body: { message } };
}

/** A window of the hours of the day from now, in minutes; it may cross midnight, as windows may. */
export function windowAround(
  fromMinutes: number,
  toMinutes: number,
): { readonly start: string; readonly end: string } {
  return { start: timeOfDay(fromMinutes), end: timeOfDay(toMinutes) };
}

/** The same as a request says it. */
export function asTimeWindow({ start, end }: { readonly start: string; readonly end: string }): {
  readonly type: 'time_range';
  readonly configuration: { readonly start_time: string; readonly end_time: string };
} {
  return { type: 'time_range', configuration: { start_time: start, end_time: end } };
}

function timeOfDay(inMinutes: number): string {
  return new Date(Date.now() + inMinutes * 60_000).toISOString().slice(11, 16);
}
