import type { Entry, InboxRow } from '../api/wire.js';

/** How far one group, one named reviewer, or anyone has come. */
export type Progress = {
  readonly label: string;
  readonly filled: number;
  readonly needed: number;
  /** Whether the person who looks could fill what is still open of it. */
  readonly isMine: boolean;
};

/** The entries of a row summed up by who they are for; optional ones are left out. */
export function progressOf(
  entries: readonly Entry[],
  canFill: readonly string[],
): readonly Progress[] {
  const bySubject = new Map<string, Progress>();
  for (const entry of entries.filter(({ mandatory }) => mandatory)) {
    const label = entry.kind === 'anyone' ? 'anyone' : entry.subject;
    const key = `${entry.kind}:${label}`;
    const sum = bySubject.get(key) ?? { label, filled: 0, needed: 0, isMine: false };
    bySubject.set(key, {
      label,
      filled: sum.filled + (entry.status === 'APPROVED' ? 1 : 0),
      needed: sum.needed + 1,
      isMine: sum.isMine || (entry.status === 'PENDING' && canFill.includes(entry.key)),
    });
  }
  return [...bySubject.values()];
}

/** What a review is called, with the item of a loop that it is about. */
export function reviewTitle(
  row: Pick<InboxRow, 'name' | 'block_id' | 'iteration_key'>,
  blockLabel: string | null = null,
): string {
  const title = row.name ?? blockLabel ?? row.block_id;
  return row.iteration_key === null ? title : `${title}, ${itemWords(row.iteration_key)}`;
}

/** Which item of a loop something is about, counted from 1 as people do: `item 4`, and in a loop inside of it `item 4.1`. */
export function itemWords(iterationKey: string): string {
  return `item ${iterationKey
    .split('.')
    .map((place) => Number(place) + 1)
    .join('.')}`;
}

/** Whether a row can be decided from the queue by whoever looks. */
export function isDecidable(row: InboxRow): boolean {
  return row.status === 'PENDING' && row.can_fill.length > 0;
}
