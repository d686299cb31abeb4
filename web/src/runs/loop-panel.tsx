import { Link } from 'wouter';
import { itemWords } from '../queue/waiting-words.js';
import { Status } from '../ui/status.js';
import { countItems, type Loop } from './loops.js';

/** A loop of a run: its items (the first of them, where they are too many), how far each has come, and where it waits. */
export function LoopPanel({ loop, isCut }: { readonly loop: Loop; readonly isCut: boolean }) {
  const { id, label, items } = loop;
  const { waiting, ended } = countItems(loop);
  // Items of a loop inside of this one have steps of their own.
  const columns = new Map(
    items.flatMap(({ steps }) => steps).map(({ step }) => [step.block_id, step.block_label]),
  );
  const titleId = `loop-${id}`;
  return (
    <section className="panel" aria-labelledby={titleId}>
      <header className="panel-head">
        <h2 id={titleId}>Items of {label}</h2>
        <span className="quiet numeric">
          {ended} of {isCut && 'the first '}
          {items.length} done
          {waiting > 0 && `, ${waiting} ${waiting === 1 ? 'waits' : 'wait'} for people`}
        </span>
      </header>
      {items.length === 0 ? (
        <p className="panel-empty">None yet: they come when the loop begins.</p>
      ) : (
        <div className="scroll-x" tabIndex={0} role="region" aria-label={`${label}, item by item`}>
          <table className="rows">
            <thead>
              <tr>
                <th scope="col">Item</th>
                {[...columns].map(([blockId, blockLabel]) => (
                  <th key={blockId} scope="col">
                    {blockLabel}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {items.map(({ key, steps }) => (
                <tr key={key}>
                  <th scope="row" className="item-name">
                    {sentence(itemWords(key))}
                  </th>
                  {[...columns.keys()].map((blockId) => {
                    const found = steps.find(({ step }) => step.block_id === blockId);
                    return (
                      <td key={blockId}>
                        {found === undefined ? (
                          '—'
                        ) : (
                          <>
                            <Status of={found.step.lifecycle.status} />{' '}
                            {found.review !== null && (
                              <Link
                                href={`/reviews/${found.review.id}`}
                                aria-label={`Review of ${itemWords(key)}`}
                              >
                                review
                              </Link>
                            )}
                          </>
                        )}
                      </td>
                    );
                  })}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function sentence(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
