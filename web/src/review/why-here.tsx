import type { ReviewContext } from '../api/wire.js';
import { Icon } from '../ui/icon.js';
import { Prose } from '../ui/prose.js';
import { becauseWords, firedWords, markedPaths } from './because.js';
import { linkIn } from './snapshot-model.js';

/** What reviewers are asked, and why the run stopped here. */
export function WhyHere({ context }: { readonly context: ReviewContext }) {
  const { gate, review } = context;
  const fired = markedPaths(context);
  const link = gate.link === null ? null : linkIn(gate.link);
  return (
    <section className="why" aria-label="Why it stopped here">
      {gate.instructions !== null && <Prose text={gate.instructions} />}
      <dl className="why-facts">
        <div>
          <dt>Stopped because</dt>
          <dd>{becauseWords(review)}</dd>
        </div>
        {fired.length > 0 && (
          <div>
            <dt>Marked below</dt>
            <dd>
              {fired.map((path) => (
                <span key={path} className="fired-name">
                  {firedWords(path)}
                </span>
              ))}
            </dd>
          </div>
        )}
        {review.placement === 'input' && (
          <div>
            <dt>Before it runs</dt>
            <dd>
              The block <code>{review.block_id}</code> runs once this is approved, with exactly
              this.
            </dd>
          </div>
        )}
        {link !== null && (
          <div>
            <dt>See also</dt>
            <dd>
              <a href={link.href} target="_blank" rel="noreferrer noopener">
                {link.host} <Icon name="outside" />
              </a>
            </dd>
          </div>
        )}
      </dl>
    </section>
  );
}
