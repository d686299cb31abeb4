import { Link } from 'wouter';
import { Icon } from './icon.js';

/** The way to the pages beside this one; nothing where there is only one. */
export function Pager({
  label,
  previous,
  next,
}: {
  readonly label: string;
  readonly previous: string | null;
  readonly next: string | null;
}) {
  if (previous === null && next === null) {
    return null;
  }
  return (
    <nav className="pager" aria-label={label}>
      {previous === null ? (
        <span />
      ) : (
        <Link href={previous} className="button button-plain" rel="prev">
          <Icon name="left" />
          <span>Previous</span>
        </Link>
      )}
      {next !== null && (
        <Link href={next} className="button button-plain" rel="next">
          <span>Next</span>
          <Icon name="right" />
        </Link>
      )}
    </nav>
  );
}
