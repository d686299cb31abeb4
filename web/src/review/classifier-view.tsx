import type { Json } from '../api/wire.js';

/** A classification: the category, and what it could have been. */
export function ClassifierView({
  category,
  categories,
  was,
  isFired,
}: {
  readonly category: string;
  readonly categories: readonly string[] | null;
  readonly was: Json | undefined;
  readonly isFired: boolean;
}) {
  const all = categories ?? [category];
  return (
    <ul className="categories" aria-label="Categories">
      {(all.includes(category) ? all : [category, ...all]).map((each) => (
        <li key={each} aria-current={each === category ? 'true' : undefined}>
          <span className="category-name">{each}</span>
          {each === category && <span className="tag tag-mine">chosen</span>}
          {each === category && isFired && <span className="fired-tag">stopped the run</span>}
          {each === was && each !== category && <span className="tag">chosen by the run</span>}
        </li>
      ))}
    </ul>
  );
}
