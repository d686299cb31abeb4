import type { Json, ReviewContext } from '../api/wire.js';

/** A classification: the category, what it could have been, and how the votes fell where there were some. */
export function ClassifierView({
  category,
  categories,
  votes,
  was,
  isFired,
}: {
  readonly category: string;
  readonly categories: readonly string[] | null;
  readonly votes: ReviewContext['step']['votes'];
  readonly was: Json | undefined;
  readonly isFired: boolean;
}) {
  const total = votes?.reduce((sum, { count }) => sum + count, 0) ?? 0;
  const all = new Set([...(votes ?? []).map((each) => each.category), ...(categories ?? [])]);
  return (
    <ul className="categories" aria-label="Categories">
      {(all.has(category) ? [...all] : [category, ...all]).map((each) => (
        <li key={each} aria-current={each === category ? 'true' : undefined}>
          <span className="category-name">{each}</span>
          {total > 0 && (
            <span className="quiet numeric">
              {votes?.find((one) => one.category === each)?.count ?? 0} of {total} votes
            </span>
          )}
          {each === category && <span className="tag tag-mine">chosen</span>}
          {each === category && isFired && <span className="fired-tag">stopped the run</span>}
          {each === was && each !== category && <span className="tag">chosen by the run</span>}
        </li>
      ))}
    </ul>
  );
}
