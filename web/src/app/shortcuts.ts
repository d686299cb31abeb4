import { useEffect, useRef } from 'react';

/** A key and what it does, as the list behind `?` shows it. */
export type Shortcut = {
  readonly key: string;
  readonly does: string;
  readonly run: () => void;
};

type Group = { readonly name: string; readonly current: { readonly list: readonly Shortcut[] } };

const groups = new Set<Group>();

/** Makes keys work for as long as the component is on screen; a later component's keys come first. */
export function useShortcuts(name: string, list: readonly Shortcut[]): void {
  const current = useRef({ list });
  useEffect(() => {
    current.current.list = list;
  });
  useEffect(() => {
    const group = { name, current: current.current };
    groups.add(group);
    return () => {
      groups.delete(group);
    };
  }, [name]);
}

/** Every key that works at present, by group, for the list that people see. */
export function activeShortcuts(): readonly {
  readonly name: string;
  readonly list: readonly Shortcut[];
}[] {
  return [...groups].map(({ name, current }) => ({ name, list: current.list }));
}

/** Listens for keys once for the whole page. Never inside inputs, nor behind a dialog, nor with Ctrl, Alt or Meta. */
export function useShortcutListener(): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (
        event.defaultPrevented ||
        event.ctrlKey ||
        event.metaKey ||
        event.altKey ||
        isTyping(event)
      ) {
        return;
      }
      const shortcut = [...groups]
        .toReversed()
        .flatMap(({ current }) => current.list)
        .find(({ key }) => key === event.key);
      if (shortcut !== undefined) {
        event.preventDefault();
        shortcut.run();
      }
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);
}

/** Whether a key belongs to what is focused. The editor lives in a shadow root, hence the composed path. */
function isTyping(event: KeyboardEvent): boolean {
  if (document.querySelector('dialog[open]') !== null) {
    return true;
  }
  const [target] = event.composedPath();
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || target.matches('input:not([type=checkbox]), textarea, select'))
  );
}
