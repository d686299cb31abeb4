import { useState } from 'react';

/** What a person chose; `auto` follows the system. */
export type Theme = 'auto' | 'light' | 'dark';

const KEY = 'countersign.theme';
const NEXT = { auto: 'light', light: 'dark', dark: 'auto' } as const satisfies Record<Theme, Theme>;

/** The chosen theme, and what changes it to the next one. `public/theme.js` applies it before the first paint. */
export function useTheme(): readonly [Theme, () => void] {
  const [theme, setTheme] = useState<Theme>(readTheme);
  return [
    theme,
    () => {
      const next = NEXT[theme];
      if (next === 'auto') {
        localStorage.removeItem(KEY);
        delete document.documentElement.dataset['theme'];
      } else {
        localStorage.setItem(KEY, next);
        document.documentElement.dataset['theme'] = next;
      }
      setTheme(next);
    },
  ];
}

function readTheme(): Theme {
  const stored = localStorage.getItem(KEY);
  return stored === 'light' || stored === 'dark' ? stored : 'auto';
}
