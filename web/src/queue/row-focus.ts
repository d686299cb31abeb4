/** The link of a row by which it is opened, and on which the focus moves. */
export const ROW_LINK = 'a.row-link';

/** Moves the focus to the next or the previous row; it is real focus, so that a screen reader follows. */
export function moveFocus(step: 1 | -1): void {
  const links = [...document.querySelectorAll<HTMLElement>(ROW_LINK)];
  const here = document.activeElement?.closest('tr')?.querySelector<HTMLElement>(ROW_LINK) ?? null;
  const index = here === null ? -1 : links.indexOf(here);
  const next = index === -1 ? (step === 1 ? 0 : links.length - 1) : index + step;
  const link = links[Math.max(0, Math.min(links.length - 1, next))];
  link?.focus();
  link?.closest('tr')?.scrollIntoView({ block: 'nearest' });
}
