import { Notice } from '../ui/notice.js';
import { writePages } from './page-ranges.js';
import { MAX_STRIP, type PageStrip, type StripPage } from './page-strip.js';

/** A split: its parts with their pages, and every page as a cell of a strip. */
export function PageStripView({
  strip,
  mayOverlap,
}: {
  readonly strip: PageStrip;
  readonly mayOverlap: boolean;
}) {
  const { parts, pages, unassigned, shared } = strip;
  return (
    <div className="split">
      {shared.length > 0 && (
        <Notice tone={mayOverlap ? 'plain' : 'warn'}>
          {plural(shared, 'is', 'are')} in more than one part: {writePages(shared)}.
        </Notice>
      )}
      {unassigned.length > 0 && (
        <Notice tone="warn">
          {plural(unassigned, 'is', 'are')} in no part: {writePages(unassigned)}.
        </Notice>
      )}
      {pages.length <= MAX_STRIP && (
        <ol className="strip" aria-label="Pages">
          {pages.map((page) => (
            <Page key={page.page} page={page} strip={strip} />
          ))}
        </ol>
      )}
      <div className="scroll-x" tabIndex={0} role="region" aria-label="Parts">
        <table className="rows">
          <thead>
            <tr>
              <th scope="col">Part</th>
              <th scope="col">Name</th>
              <th scope="col">Pages</th>
              <th scope="col" data-numeric="true">
                Count
              </th>
            </tr>
          </thead>
          <tbody>
            {parts.map(({ name, mark, pages: own }) => (
              <tr key={mark}>
                <td>{mark}</td>
                <th scope="row">{name}</th>
                <td className="numeric">{own.length === 0 ? '—' : writePages(own)}</td>
                <td data-numeric="true">{own.length}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}

function Page({
  page: { page, parts },
  strip,
}: {
  readonly page: StripPage;
  readonly strip: PageStrip;
}) {
  const marks = parts.map((index) => strip.parts[index]?.mark ?? '?').join(' ');
  const state = parts.length === 0 ? 'none' : parts.length > 1 ? 'shared' : 'one';
  const words =
    parts.length === 0
      ? 'in no part'
      : parts.map((index) => strip.parts[index]?.name ?? '?').join(' and ');
  return (
    <li
      className="strip-page"
      data-state={state}
      data-tint={state === 'one' ? (parts[0] ?? 0) % 2 : undefined}
      title={`Page ${page}: ${words}`}
    >
      <span className="strip-mark" aria-hidden="true">
        {marks === '' ? '–' : marks}
      </span>
      <span className="strip-number" aria-hidden="true">
        {page}
      </span>
      <span className="sr-only">{`Page ${page}: ${words}`}</span>
    </li>
  );
}

function plural(pages: readonly number[], one: string, many: string): string {
  return pages.length === 1 ? `One page ${one}` : `${pages.length} pages ${many}`;
}
