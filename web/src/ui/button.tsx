import type { ButtonHTMLAttributes, ReactNode } from 'react';
import { Icon, type IconName } from './icon.js';

/** A button; while `isBusy` it cannot be pressed, and keeps its size. */
export function Button({
  look = 'plain',
  icon,
  shortcut,
  isBusy = false,
  children,
  disabled,
  ...rest
}: Omit<ButtonHTMLAttributes<HTMLButtonElement>, 'className'> & {
  readonly look?: 'plain' | 'main' | 'danger' | 'ghost';
  readonly icon?: IconName;
  /** The key that does the same, shown beside the words. */
  readonly shortcut?: string;
  readonly isBusy?: boolean;
  readonly children: ReactNode;
}) {
  return (
    <button
      type="button"
      {...rest}
      className={`button button-${look}`}
      disabled={disabled === true || isBusy}
      aria-busy={isBusy}
      aria-keyshortcuts={shortcut}
    >
      {icon !== undefined && <Icon name={icon} />}
      <span>{children}</span>
      {shortcut !== undefined && <kbd aria-hidden="true">{shortcut}</kbd>}
    </button>
  );
}
