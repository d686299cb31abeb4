import { useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { Link, useLocation } from 'wouter';
import type { LiveState } from '../api/events.js';
import { send } from '../api/http.js';
import type { Session, SessionPerson } from '../api/wire.js';
import { Icon, type IconName } from '../ui/icon.js';
import { hush, useSaid } from './announce.js';
import { useKeptFocus } from './kept-focus.js';
import { useLive } from './live.js';
import { mayOperate } from './session.js';
import { ShortcutHelp } from './shortcut-help.js';
import { useShortcutListener, useShortcuts } from './shortcuts.js';
import { useTheme } from './theme.js';

type Place = { readonly href: string; readonly name: string; readonly icon: IconName };

const PLACES: readonly Place[] = [
  { href: '/', name: 'Inbox', icon: 'inbox' },
  { href: '/runs', name: 'Runs', icon: 'runs' },
  { href: '/workflows', name: 'Workflows', icon: 'workflows' },
];
const OPERATIONS: Place = { href: '/operations', name: 'Operations', icon: 'operations' };

/** What surrounds every page: where one can go, who one is, and where outcomes are said. */
export function Shell({
  session,
  person,
  children,
}: {
  readonly session: Session;
  readonly person: SessionPerson;
  readonly children: ReactNode;
}) {
  const [location, navigate] = useLocation();
  const [isHelpOpen, setHelpOpen] = useState(false);
  const live = useLive();
  useShortcutListener();
  useShortcuts('Everywhere', [
    { key: '?', does: 'Show this list', run: () => setHelpOpen(true) },
    { key: 'i', does: 'Go to the inbox', run: () => navigate('/') },
  ]);
  useFocusOnNewPage(location);
  useKeptFocus();
  const places = mayOperate(person) ? [...PLACES, OPERATIONS] : PLACES;
  return (
    <div className="shell">
      <a className="skip-link" href="#main">
        Skip to the page
      </a>
      <header className="side">
        <Link href="/" className="brand" aria-label="Countersign, go to the inbox">
          <Icon name="brand" />
          <span>Countersign</span>
        </Link>
        <nav className="places" aria-label="Main">
          {places.map(({ href, name, icon }) => {
            const isHere =
              href === '/'
                ? location === '/' || location.startsWith('/reviews/')
                : location.startsWith(href);
            return (
              <Link
                key={href}
                href={href}
                className="place"
                aria-current={isHere ? 'page' : undefined}
              >
                <Icon name={icon} />
                <span>{name}</span>
              </Link>
            );
          })}
        </nav>
        <div className="side-foot">
          <LiveMark state={live} />
          <button type="button" className="side-button" onClick={() => setHelpOpen(true)}>
            <Icon name="keyboard" />
            <span>Keyboard</span>
            <kbd>?</kbd>
          </button>
          <ThemeButton />
          <Person person={person} version={session.version} />
        </div>
      </header>
      <main id="main" className="page" tabIndex={-1}>
        {children}
      </main>
      <Outcome />
      {isHelpOpen && <ShortcutHelp onClose={() => setHelpOpen(false)} />}
    </div>
  );
}

const LIVE_WORDS = {
  connecting: ['Connecting', 'Changes will be shown as they happen.'],
  live: ['Live', 'Changes are shown as they happen.'],
  polling: ['Every 5 s', 'The server does not tell of changes; this page asks every five seconds.'],
} as const satisfies Record<LiveState, readonly [string, string]>;

function LiveMark({ state }: { readonly state: LiveState }) {
  const [word, sentence] = LIVE_WORDS[state];
  return (
    <p className="live-mark" data-state={state} title={sentence}>
      <span className="live-dot" aria-hidden="true" />
      {word}
      <span className="sr-only">. {sentence}</span>
    </p>
  );
}

function ThemeButton() {
  const [theme, next] = useTheme();
  const words = { auto: 'System theme', light: 'Light theme', dark: 'Dark theme' };
  return (
    <button type="button" className="side-button" onClick={next} title="Change the theme">
      <Icon name={theme === 'dark' ? 'moon' : theme === 'light' ? 'sun' : 'half'} />
      <span>{words[theme]}</span>
    </button>
  );
}

function Person({ person, version }: { readonly person: SessionPerson; readonly version: string }) {
  const queries = useQueryClient();
  const [, navigate] = useLocation();
  const about = person.groups.length === 0 ? person.email : person.groups.join(', ');
  return (
    <div className="person">
      <p className="person-who">
        <span className="avatar" aria-hidden="true">
          {initials(person.name)}
        </span>
        <span className="person-text">
          <span className="person-name">{person.name}</span>
          <span className="person-about" title={`Countersign ${version}`}>
            {about}
          </span>
        </span>
      </p>
      <button
        type="button"
        className="icon-button"
        aria-label="Sign out"
        title="Sign out"
        onClick={() => {
          void send('DELETE', '/v1/session')
            .catch(() => undefined)
            .then(() => {
              queries.clear();
              navigate('/signin');
            });
        }}
      >
        <Icon name="leave" />
      </button>
    </div>
  );
}

function initials(name: string): string {
  const words = name.split(/\s+/).filter((word) => word !== '');
  return [words.at(0), words.length > 1 ? words.at(-1) : undefined]
    .map((word) => word?.charAt(0).toUpperCase() ?? '')
    .join('');
}

const SHOWN_MS = 8_000;

/** Where outcomes are said; the region is always there, or screen readers would miss the first. */
function Outcome() {
  const said = useSaid();
  useEffect(() => {
    if (said === null || said.tone === 'bad') {
      return undefined;
    }
    const timer = setTimeout(hush, SHOWN_MS);
    return () => clearTimeout(timer);
  }, [said]);
  return (
    <div className="outcome" role="status" aria-live="polite">
      {said !== null && (
        <p className="toast" data-tone={said.tone} key={said.id}>
          <span>{said.text}</span>
          <button type="button" className="icon-button" aria-label="Dismiss" onClick={hush}>
            <Icon name="close" />
          </button>
        </p>
      )}
    </div>
  );
}

/** A page change moves the focus to the page, as loading a document would; the first page keeps the browser's. */
function useFocusOnNewPage(location: string): void {
  const before = useRef(location);
  useEffect(() => {
    if (before.current !== location) {
      before.current = location;
      document.getElementById('main')?.focus({ preventScroll: true });
      globalThis.scrollTo(0, 0);
    }
  }, [location]);
}
