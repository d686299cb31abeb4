import { expect } from 'vitest';

/** Stands for any text with this in it, where two values are compared. */
export function containing(text: string): unknown {
  return expect.stringContaining(text);
}
