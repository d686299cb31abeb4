import { useEffect } from 'react';

/** Names the page in the browser's tab, and for a screen reader that announces it. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Countersign`;
  }, [title]);
}
