import type { ReactNode } from 'react';
import { Icon, type IconName } from './icon.js';

const ICONS = {
  plain: 'info',
  good: 'check',
  warn: 'warning',
  bad: 'warning',
} as const satisfies Record<string, IconName>;

/** Something the page has to say, with a tone. */
export function Notice({
  tone = 'plain',
  title,
  children,
  actions,
}: {
  readonly tone?: keyof typeof ICONS;
  readonly title?: string;
  readonly children?: ReactNode;
  readonly actions?: ReactNode;
}) {
  return (
    <div className="notice" data-tone={tone} role={tone === 'bad' ? 'alert' : undefined}>
      <Icon name={ICONS[tone]} />
      <div className="notice-text">
        {title !== undefined && <p className="notice-title">{title}</p>}
        {children !== undefined && <div>{children}</div>}
        {actions !== undefined && <div className="notice-actions">{actions}</div>}
      </div>
    </div>
  );
}
