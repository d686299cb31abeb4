import { z } from 'zod';

/** A date or an RFC 3339 time in a query; a bare date is the whole day, in UTC. */
export function dateParam(edge: 'start' | 'end') {
  return z
    .string()
    .transform((source, context): Date => {
      const isDay = /^\d{4}-\d\d-\d\d$/.test(source);
      const isTime = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:?\d\d)?$/.test(
        source,
      );
      const at = isDay
        ? new Date(`${source}T${edge === 'start' ? '00:00:00.000' : '23:59:59.999'}Z`)
        : new Date(/([Zz]|[+-]\d\d:?\d\d)$/.test(source) ? source : `${source}Z`);
      if ((isDay || isTime) && !Number.isNaN(at.getTime()) && at.getUTCFullYear() >= 1) {
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
