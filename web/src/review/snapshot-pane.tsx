import type { ReviewContext } from '../api/wire.js';
import { Select } from '../ui/select.js';
import { markedPaths } from './because.js';
import { ChangeTable } from './change-table.js';
import { isSame } from './json-values.js';
import { JsonText } from './json-text.js';
import type { NumberedVersion, Screen, ScreenParams, Show } from './screen.js';
import { SnapshotView } from './snapshot-view.js';

const SHOWS = [
  ['fields', 'Fields', undefined],
  ['json', 'JSON', 'v'],
  ['changes', 'Changes', 'd'],
] as const satisfies readonly (readonly [Show, string, string | undefined])[];

/** The snapshot on screen, in one of three forms, and the choice of version and form. */
export function SnapshotPane({
  context,
  screen,
  params,
  onShow,
}: {
  readonly context: ReviewContext;
  readonly screen: Screen;
  readonly params: ScreenParams;
  readonly onShow: (change: Partial<ScreenParams>) => void;
}) {
  const { shown, versions, against } = screen;
  return (
    <section className="panel snapshot" aria-label={`Version ${shown.number}`}>
      <header className="panel-head snapshot-head">
        <div className="snapshot-versions">
          <h2 className={versions.length === 1 ? undefined : 'sr-only'}>Version {shown.number}</h2>
          {versions.length > 1 && (
            <>
              {params.show === 'changes' && (
                <>
                  <Select
                    label="Compare from"
                    value={against?.id ?? ''}
                    options={[
                      ...(against === null ? [['', 'Choose a version'] as const] : []),
                      ...choices(versions),
                    ]}
                    onChange={(id) => onShow({ against: id })}
                  />
                  <span className="quiet">to</span>
                </>
              )}
              <Select
                label="Version"
                value={shown.id}
                options={choices(versions)}
                onChange={(id) =>
                  onShow({ version: id === screen.newest?.id && !screen.isStale ? null : id })
                }
              />
            </>
          )}
        </div>
        <div className="segments" role="group" aria-label="Show as">
          {SHOWS.map(([show, words, shortcut]) => (
            <button
              key={show}
              type="button"
              aria-pressed={params.show === show}
              aria-keyshortcuts={shortcut}
              onClick={() => onShow({ show })}
            >
              {words}
              {shortcut !== undefined && <kbd aria-hidden="true">{shortcut}</kbd>}
            </button>
          ))}
        </div>
      </header>
      {params.show === 'json' ? (
        <JsonText value={shown.snapshot} />
      ) : params.show === 'changes' ? (
        <Changes from={against} to={shown} />
      ) : (
        <SnapshotView
          block={context.block}
          votes={context.step.votes}
          snapshot={shown.snapshot}
          seed={isSame(screen.seed.snapshot, shown.snapshot) ? null : screen.seed.snapshot}
          firedPaths={shown.id === screen.seed.id ? markedPaths(context) : []}
          firedBefore={shown.id === screen.seed.id ? [] : markedPaths(context)}
        />
      )}
    </section>
  );
}

function choices(versions: readonly NumberedVersion[]): readonly (readonly [string, string])[] {
  return versions
    .toReversed()
    .map(({ id, number, author, parent_id: parent }) => [
      id,
      `Version ${number} · ${parent === null ? 'from the run' : author.display_name}`,
    ]);
}

function Changes({
  from,
  to,
}: {
  readonly from: NumberedVersion | null;
  readonly to: NumberedVersion;
}) {
  return from === null ? (
    <p className="panel-empty">
      This is what the run brought; there is no earlier version to compare it with.
    </p>
  ) : (
    <ChangeTable
      before={from.snapshot}
      after={to.snapshot}
      beforeName={`Version ${from.number}`}
      afterName={`Version ${to.number}`}
    />
  );
}
