import type { ReactNode } from 'react';
import { Icon } from '../ui/icon.js';

/** The page around signing in: nothing but that. */
export function SignInFrame({
  title,
  children,
}: {
  readonly title: string;
  readonly children: ReactNode;
}) {
  return (
    <main className="sign-in">
      <div className="sign-in-card">
        <p className="brand">
          <Icon name="brand" />
          <span>Countersign</span>
        </p>
        <h1>{title}</h1>
        {children}
      </div>
    </main>
  );
}
