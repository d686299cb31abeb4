import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import type { LoopItem, Step } from '../api/wire.js';
import { itemWords } from '../queue/waiting-words.js';
import { Button } from '../ui/button.js';
import { Loading } from '../ui/loading.js';
import { Status } from '../ui/status.js';
import { itemsQuery } from './queries.js';

/** The items of a loop that have been read, and how all of them stand: the last page is the youngest answer. */
function useItems(step: Step) {
  const { data, hasNextPage, fetchNextPage } = useInfiniteQuery(itemsQuery(step));
  const pages = data?.pages ?? [];
  return {
    counts: pages.at(-1)?.counts,
    items: pages.flatMap((page) => page.data),
    hasNextPage,
    fetchNextPage,
  };
}

/** A loop of a run, by the step of its for_each: its items, how far each has come, and where it waits. */
export function LoopPanel({ step }: { readonly step: Step }) {
  const { counts, items, hasNextPage, fetchNextPage } = useItems(step);
  const titleId = `loop-${step.step_id}`;
  // Items of a loop inside of this one have steps of their own.
  const columns = new Map(
    items
      .flatMap(({ steps }) => steps)
      .map(({ block_id: blockId, block_label: label }) => [blockId, label]),
  );
  return (
    <section className="panel" aria-labelledby={titleId}>
      <header className="panel-head">
        <h2 id={titleId}>Items of {step.block_label}</h2>
        {counts !== undefined && (
          <span className="quiet numeric">
            {counts.ended.toLocaleString()} of {counts.items.toLocaleString()} done
            {counts.waiting > 0 &&
              `, ${counts.waiting.toLocaleString()} ${counts.waiting === 1 ? 'waits' : 'wait'} for people`}
          </span>
        )}
      </header>
      {counts === undefined ? (
        <Loading label="Reading the items" />
      ) : items.length === 0 ? (
        <p className="panel-empty">None yet: they come when the loop begins.</p>
      ) : (
        <div
          className="scroll-x"
          tabIndex={0}
          role="region"
          aria-label={`${step.block_label}, item by item`}
        >
          <table className="rows">
            <thead>
              <tr>
                <th scope="col">Item</th>
                {[...columns].map(([blockId, label]) => (
                  <th key={blockId} scope="col">
                    {label}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {items.map(({ iteration_key: key, steps }) => (
                <tr key={key}>
                  <th scope="row" className="item-name">
                    {sentence(itemWords(key))}
                  </th>
                  {[...columns.keys()].map((blockId) => (
                    <td key={blockId}>
                      <ItemStep
                        step={steps.find(({ block_id: id }) => id === blockId)}
                        item={itemWords(key)}
                      />
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {hasNextPage && (
        <p className="panel-foot">
          <Button look="ghost" icon="plus" onClick={() => void fetchNextPage()}>
            Show more items
          </Button>
        </p>
      )}
    </section>
  );
}

function ItemStep({
  step,
  item,
}: {
  readonly step: LoopItem['steps'][number] | undefined;
  readonly item: string;
}) {
  return step === undefined ? (
    '—'
  ) : (
    <>
      <Status of={step.lifecycle.status} />{' '}
      {step.review_id !== null && (
        <Link href={`/reviews/${step.review_id}`} aria-label={`Review of ${item}`}>
          review
        </Link>
      )}
      {step.lifecycle.status === 'error' && <p className="quiet">{step.lifecycle.message}</p>}
      {step.waiting_for !== null && <p className="quiet">{step.waiting_for}</p>}
      {step.outcome_unknown && <p className="quiet">Its outcome is unknown.</p>}
    </>
  );
}

/** How many items a loop has, beside its name; nothing before they have been read. */
export function LoopSize({ step }: { readonly step: Step }) {
  const { counts } = useItems(step);
  return (
    counts !== undefined && (
      <span className="quiet numeric"> × {counts.items.toLocaleString()}</span>
    )
  );
}

function sentence(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
