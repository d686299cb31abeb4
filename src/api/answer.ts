/** What goes back to the caller: a status and a JSON body. */
export type Answer<Body = unknown> = {
  readonly kind: 'answer';
  readonly status: number;
  readonly body: Body;
  readonly headers: Readonly<Record<string, string>>;
};

/** An answer with this status and body. */
export function answer<Body>(
  status: number,
  body: Body,
  headers: Readonly<Record<string, string>> = {},
): Answer<Body> {
  return { kind: 'answer', status, body, headers };
}

/** The answer of a request that was carried out. */
export function ok<Body>(body: Body): Answer<Body> {
  return answer(200, body);
}
