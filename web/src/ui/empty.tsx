import type { ReactNode } from 'react';

/** Says what would be here, and what to do about it. */
export function Empty({
  title,
  children,
}: {
  readonly title: string;
  readonly children?: ReactNode;
}) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      {children !== undefined && <div>{children}</div>}
    </div>
  );
}
