import { Component, type ReactNode } from 'react';
import { Notice } from '../ui/notice.js';

type State = { readonly error: unknown };

/** Shows what went wrong in place of a part that failed to draw. React offers this to classes only. */
export class Boundary extends Component<{ readonly children: ReactNode }, State> {
  override state: State = { error: null };

  static getDerivedStateFromError(error: unknown): State {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    return error === null ? (
      this.props.children
    ) : (
      <main className="lonely">
        <Notice tone="bad" title="This page could not be shown">
          {error instanceof Error ? error.message : 'Something went wrong.'} Reload the page;
          nothing was decided.
        </Notice>
      </main>
    );
  }
}
