import { useEffect } from 'react';

/**
 * Keeps the focus on the page when the element that had it goes away, as a button does once it has been pressed.
 *
 * The browser would start again at the top. Here the nearest part of the page around it that is still there and can
 * be focused gets it: a dialog, or the page itself. Whoever takes the focus away by clicking beside things may.
 */
export function useKeptFocus(): void {
  useEffect(() => {
    let around: readonly Element[] = [];
    const remember = ({ target }: FocusEvent): void => {
      around = target instanceof Element ? withAncestors(target) : [];
    };
    const keep = (): void => {
      const [last] = around;
      if (last === undefined || last.isConnected || hasFocus()) {
        return;
      }
      const next = around.find((each) => each.isConnected && each.matches('[tabindex]'));
      (next instanceof HTMLElement ? next : document.getElementById('main'))?.focus({
        preventScroll: true,
      });
    };
    const observer = new MutationObserver(keep);
    document.addEventListener('focusin', remember);
    observer.observe(document.body, { childList: true, subtree: true });
    return () => {
      document.removeEventListener('focusin', remember);
      observer.disconnect();
    };
  }, []);
}

function hasFocus(): boolean {
  const { activeElement } = document;
  return activeElement !== null && activeElement !== document.body;
}

/** An element and whatever it is in, as it is now: once it is gone, it does not say. */
function withAncestors(element: Element): readonly Element[] {
  const all: Element[] = [];
  for (let each: Element | null = element; each !== null; each = each.parentElement) {
    all.push(each);
  }
  return all;
}
