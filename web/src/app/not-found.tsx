import { Link } from 'wouter';
import { Empty } from '../ui/empty.js';
import { PageHead } from '../ui/page-head.js';
import { useTitle } from './title.js';

/** What an address shows that leads nowhere. */
export function NotFound() {
  useTitle('Not found');
  return (
    <>
      <PageHead title="Not found" />
      <Empty title="There is no such page">
        The address may be incomplete. <Link href="/">Go to the inbox</Link>.
      </Empty>
    </>
  );
}
