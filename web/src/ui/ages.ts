const UNITS = [
  ['d', 86_400, 'day'],
  ['h', 3_600, 'hour'],
  ['min', 60, 'minute'],
] as const;

/** An age in one unit, for a column: `12 s`, `5 min`, `3 h`, `40 d`. */
export function age(seconds: number): string {
  for (const [unit, size] of UNITS) {
    if (seconds >= size) {
      return `${Math.floor(seconds / size)} ${unit}`;
    }
  }
  return seconds < 5 ? 'now' : `${Math.floor(seconds)} s`;
}

/** An age in words: `just now`, `5 minutes ago`. */
export function ageInWords(seconds: number): string {
  for (const [, size, word] of UNITS) {
    if (seconds >= size) {
      const count = Math.floor(seconds / size);
      return `${count} ${word}${count === 1 ? '' : 's'} ago`;
    }
  }
  return seconds < 10 ? 'just now' : `${Math.floor(seconds)} seconds ago`;
}

/** When a decision is wanted, from the seconds that are left: `due in 3 h`, `overdue by 5 min`. */
export function dueWords(secondsLeft: number): string {
  const time = age(Math.abs(secondsLeft));
  if (secondsLeft > 0) {
    return time === 'now' ? 'due now' : `due in ${time}`;
  }
  return time === 'now' ? 'overdue' : `overdue by ${time}`;
}

/** A time that is left: `4:05`, or `2 h 10 min`. */
export function timeLeft(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  if (whole >= 3_600) {
    return `${Math.floor(whole / 3_600)} h ${Math.floor((whole % 3_600) / 60)} min`;
  }
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}
