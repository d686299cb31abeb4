/** What JSON can say, and therefore what a signal, an activity or continue-as-new may carry. */
export type Json =
  null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** A JSON object: what a snapshot always is. */
export type JsonObject = { readonly [key: string]: Json };

/** Tells an object from arrays, null and scalars. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Tells a list from everything else that JSON has. */
export function isJsonList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}
