import { useNow } from '../app/clock.js';
import { age, ageInWords, dueWords } from './ages.js';

const EXACT = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

/** How long ago something was; hovering shows the exact time. */
export function Ago({ at, isShort = false }: { readonly at: string; readonly isShort?: boolean }) {
  const seconds = (useNow(1_000) - Date.parse(at)) / 1_000;
  return (
    <time dateTime={at} title={EXACT.format(new Date(at))}>
      {isShort ? age(seconds) : ageInWords(seconds)}
    </time>
  );
}

/** By when a decision is wanted, seen from now; hovering shows the exact time. */
export function Due({ at }: { readonly at: string }) {
  const secondsLeft = (Date.parse(at) - useNow(1_000)) / 1_000;
  return (
    <time
      className="due"
      data-overdue={secondsLeft <= 0}
      dateTime={at}
      title={EXACT.format(new Date(at))}
    >
      {dueWords(secondsLeft)}
    </time>
  );
}

/** An exact time. */
export function At({ at }: { readonly at: string }) {
  return <time dateTime={at}>{EXACT.format(new Date(at))}</time>;
}
