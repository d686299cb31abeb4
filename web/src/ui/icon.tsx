const PATHS = {
  inbox:
    'M3 11.5 5.2 4.6A1.5 1.5 0 0 1 6.6 3.5h6.8a1.5 1.5 0 0 1 1.4 1.1L17 11.5v3.5a1.5 1.5 0 0 1-1.5 1.5h-11A1.5 1.5 0 0 1 3 15v-3.5Zm0 0h3.8l1.2 2h4l1.2-2H17',
  runs: 'M6 4.5v11l9-5.5-9-5.5Z',
  workflows:
    'M3.5 4.5h4v3h-4zM12.5 4.5h4v3h-4zM12.5 12.5h4v3h-4zM7.5 6h5M10 6v6.5a1.5 1.5 0 0 0 1.5 1.5h1',
  operations: 'M2.5 10h3l2-5.5 4 11 2-5.5h4',
  keyboard: 'M3 5.5h14v9H3zM6 8.5h.01M9 8.5h.01M12 8.5h.01M14.5 8.5h.01M7 11.5h6',
  sun: 'M10 6.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7ZM10 2v1.5M10 16.5V18M2 10h1.5M16.5 10H18M4.3 4.3l1.1 1.1M14.6 14.6l1.1 1.1M4.3 15.7l1.1-1.1M14.6 5.4l1.1-1.1',
  moon: 'M16.5 11.8A6.8 6.8 0 0 1 8.2 3.5a6.8 6.8 0 1 0 8.3 8.3Z',
  half: 'M10 3.5a6.5 6.5 0 1 0 0 13v-13Zm0 0a6.5 6.5 0 0 1 0 13',
  leave: 'M8 3.5H4.5v13H8M13 6.5l3.5 3.5-3.5 3.5M16.5 10H8',
  close: 'M5.5 5.5l9 9M14.5 5.5l-9 9',
  check: 'M4.5 10.5l3.5 3.5 7.5-8',
  cross: 'M6 6l8 8M14 6l-8 8',
  left: 'M12 5l-5 5 5 5',
  right: 'M8 5l5 5-5 5',
  down: 'M5.5 8l4.5 4.5L14.5 8',
  search: 'M9 3.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11ZM13 13l4 4',
  outside: 'M8 4.5H4.5v11h11V12M11 4.5h4.5V9M15.5 4.5 9.5 10.5',
  warning: 'M10 3.5 2.5 16.5h15L10 3.5ZM10 8v4M10 14.2v.1',
  info: 'M10 3.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM10 9.2v4M10 6.8v.1',
  clock: 'M10 3.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM10 6.5V10l2.5 1.8',
  undo: 'M7.5 4.5 4 8l3.5 3.5M4.5 8H12a4 4 0 0 1 0 8H8.5',
  edit: 'M4 16l.7-3.2L13 4.5l2.5 2.5-8.3 8.3L4 16ZM11.5 6l2.5 2.5',
  plus: 'M10 4.5v11M4.5 10h11',
  gate: 'M4 16.5V6l6-2.5L16 6v10.5M7.5 16.5v-6h5v6',
} as const;

/** The name of a picture. */
export type IconName = keyof typeof PATHS | 'brand';

/** A picture beside words that say the same; screen readers skip it. */
export function Icon({ name }: { readonly name: IconName }) {
  return name === 'brand' ? (
    <svg className="icon brand-icon" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" />
      <path d="M9 16.5l4.6 4.7L23.5 11" />
    </svg>
  ) : (
    <svg className="icon" viewBox="0 0 20 20" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
