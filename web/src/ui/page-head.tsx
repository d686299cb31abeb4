import type { ReactNode } from 'react';

/** The title of a page, what it belongs to, and what can be done with all of it. */
export function PageHead({
  title,
  crumbs,
  badge,
  about,
  actions,
}: {
  readonly title: ReactNode;
  readonly crumbs?: ReactNode;
  readonly badge?: ReactNode;
  readonly about?: ReactNode;
  readonly actions?: ReactNode;
}) {
  return (
    <header className="page-head">
      <div className="page-head-text">
        {crumbs !== undefined && (
          <nav className="crumbs" aria-label="Breadcrumb">
            {crumbs}
          </nav>
        )}
        <div className="page-title">
          <h1>{title}</h1>
          {badge}
        </div>
        {about !== undefined && <p className="page-about">{about}</p>}
      </div>
      {actions !== undefined && <div className="page-actions">{actions}</div>}
    </header>
  );
}
