import { z } from 'zod';

const FORM = /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d:\d\d(?:\.\d{1,9})?)([Zz]|[+-]\d\d:?\d\d)?)?$/;

/** A date or an RFC 3339 time in a query; a bare date is the whole day, and no offset is UTC. */
export function dateParam(edge: 'start' | 'end') {
  const edgeTime = edge === 'start' ? '00:00:00.000' : '23:59:59.999';
  return z
    .string()
    .transform((source, context): Date => {
      const [, day = '', time = edgeTime, offset = 'Z'] = FORM.exec(source) ?? [];
      const at = new Date(`${day}T${time}${offset.toUpperCase()}`);
      if (isRealDay(day) && !Number.isNaN(at.getTime())) {
        return at;
      }
      context.addIssue({
        code: 'custom',
        message: 'Expected a date (2026-05-13) or a time (2026-05-13T08:14:02Z).',
      });
      return z.NEVER;
    })
    .meta({ override: { type: 'string', format: 'date-time' } });
}

/** JavaScript takes the 31st of February for the 3rd of March. PostgreSQL has no year 0. */
function isRealDay(day: string): boolean {
  const midnight = new Date(`${day}T00:00:00.000Z`);
  return (
    !Number.isNaN(midnight.getTime()) &&
    midnight.toISOString().startsWith(day) &&
    !day.startsWith('0000')
  );
}
