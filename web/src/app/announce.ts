import { useSyncExternalStore } from 'react';

/** Something said once, for ears and eyes: an outcome. */
export type Said = { readonly id: number; readonly text: string; readonly tone: 'plain' | 'bad' };

let said: Said | null = null;
let count = 0;
const listeners = new Set<() => void>();

/** Says an outcome in the page's live region. */
export function announce(text: string, tone: Said['tone'] = 'plain'): void {
  count += 1;
  said = { id: count, text, tone };
  tell();
}

/** Takes the shown outcome away; what was said stays said. */
export function hush(): void {
  said = null;
  tell();
}

/** What was said last. */
export function useSaid(): Said | null {
  return useSyncExternalStore(subscribe, () => said);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(): void {
  for (const listener of listeners) {
    listener();
  }
}
