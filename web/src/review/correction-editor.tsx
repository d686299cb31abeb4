import { useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useEffect, useId, useMemo, useRef, useState } from 'react';
import { diffSnapshots } from '../../../src/domain/snapshot-diff.js';
import { ApiError, sentenceOf } from '../api/http.js';
import { KEYS } from '../api/keys.js';
import type { Json, JsonObject, ReviewContext } from '../api/wire.js';
import { announce } from '../app/announce.js';
import { Button } from '../ui/button.js';
import { Dialog } from '../ui/dialog.js';
import { Loading } from '../ui/loading.js';
import { Notice } from '../ui/notice.js';
import { markedPaths, standsFor } from './because.js';
import { checkValue } from './check-value.js';
import { addVersion, problemsBySnapshotPath } from './correcting.js';
import { FormFields } from './form-fields.js';
import { formModel } from './form-model.js';
import { dotted, isObject, type JsonPath, withoutKeyAt, withValueAt } from './json-values.js';
import type { NumberedVersion } from './screen.js';

// Only who corrects loads the editor.
const JsonEditor = lazy(async () => ({ default: (await import('./json-editor.js')).JsonEditor }));

/** Makes a new version from the one on screen: with a form or as JSON, with a note, and approved at once if wanted. */
export function CorrectionEditor({
  context,
  base,
  onClose,
  onSaved,
  onApprove,
}: {
  readonly context: ReviewContext;
  readonly base: NumberedVersion;
  readonly onClose: () => void;
  readonly onSaved: (versionId: string) => void;
  readonly onApprove: (versionId: string) => Promise<void>;
}) {
  const { block, review, my } = context;
  const queries = useQueryClient();
  const noteId = useId();
  // The version it began from stays its parent, whatever comes meanwhile.
  const [parent] = useState(base);
  const [value, setValue] = useState<JsonObject>(parent.snapshot);
  const [note, setNote] = useState('');
  const [tab, setTab] = useState<'form' | 'json'>('form');
  const [unreadable, setUnreadable] = useState<ReadonlyMap<string, string>>(new Map());
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const [isLeaving, setLeaving] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  // A correction keeps what it does not change, so what stopped the run is looked at in the seed alone.
  const [fired] = useState(() => (parent.parent_id === null ? markedPaths(context) : []));
  useEffect(() => {
    const first = (within: string): HTMLElement | null =>
      form.current?.querySelector<HTMLElement>(`${within} :is(input, select, textarea)`) ?? null;
    (first('.editor-body [data-fired="true"]') ?? first('.editor-body'))?.focus();
    return () => document.getElementById('main')?.focus({ preventScroll: true });
  }, []);
  const model = useMemo(() => formModel(block, parent.snapshot), [block, parent]);
  const changes = useMemo(() => diffSnapshots(parent.snapshot, value), [parent, value]);
  const refused =
    error instanceof ApiError ? problemsBySnapshotPath(error.problems) : new Map<string, string>();
  const advice = new Map(
    checkValue(model, value).map(({ path, message }) => [dotted(path), message]),
  );

  const put = (path: JsonPath, next: Json): void => {
    setError(null);
    // What could not be read in there is not there any more: a list has got other items, say.
    setUnreadable((before) => outside(path, before));
    if (isObject(next)) {
      setValue(next);
    }
  };
  const change = (path: JsonPath, inner: Json): void => put(path, withValueAt(value, path, inner));
  const leaveOut = (path: JsonPath): void => {
    put(path, withoutKeyAt(value, path));
    markUnreadable(path, null);
  };
  const markUnreadable = (path: JsonPath, message: string | null): void =>
    setUnreadable((before) => {
      const next = new Map(before);
      if (message === null) {
        next.delete(dotted(path));
      } else {
        next.set(dotted(path), message);
      }
      return next;
    });

  const save = async (isApproving: boolean): Promise<void> => {
    setBusy(true);
    setError(null);
    try {
      const acknowledged =
        error instanceof ApiError && error.code === 'superseded_versions'
          ? error.details['version_ids']
          : [];
      const version = await addVersion({
        reviewId: review.id,
        parentId: parent.id,
        snapshot: value,
        note,
        acknowledged: Array.isArray(acknowledged)
          ? acknowledged.filter((id) => typeof id === 'string')
          : [],
      });
      await queries.invalidateQueries({ queryKey: [...KEYS.review, review.id] });
      onSaved(version.id);
      if (isApproving) {
        await onApprove(version.id);
      } else {
        announce('Saved as a new version. Nothing is approved yet.');
      }
    } catch (failure) {
      setError(failure);
      announce(`Not saved: ${sentenceOf(failure)}`, 'bad');
    } finally {
      setBusy(false);
    }
  };

  const isUnchanged = changes.length === 0;
  const cannotSave = isUnchanged || unreadable.size > 0;
  const leave = (): void => (isUnchanged ? onClose() : setLeaving(true));
  return (
    <form
      ref={form}
      className="panel editor"
      aria-label={`Correct version ${parent.number}`}
      onSubmit={(event) => event.preventDefault()}
      onKeyDown={(event) => {
        if (event.key === 'Escape' && !event.defaultPrevented && !isLeaving) {
          // The same press would close the dialog that asks.
          event.preventDefault();
          leave();
        }
      }}
    >
      <header className="panel-head snapshot-head">
        <h2>Correct version {parent.number}</h2>
        <div className="segments" role="group" aria-label="Edit as">
          <button
            type="button"
            aria-pressed={tab === 'form'}
            disabled={unreadable.size > 0}
            onClick={() => setTab('form')}
          >
            Form
          </button>
          <button
            type="button"
            aria-pressed={tab === 'json'}
            disabled={unreadable.size > 0}
            onClick={() => setTab('json')}
          >
            JSON
          </button>
        </div>
      </header>
      <div className="editor-body">
        {tab === 'form' ? (
          <FormFields
            field={model}
            value={value}
            problems={{
              refused,
              unreadable,
              advice,
              hasFired: (path) => fired.some((each) => standsFor(each, path)),
            }}
            onChange={change}
            onLeaveOut={leaveOut}
            onUnreadable={markUnreadable}
          />
        ) : (
          <Suspense fallback={<Loading label="Loading the editor" />}>
            <JsonEditor
              value={value}
              model={model}
              refused={refused}
              onChange={(next) => {
                setError(null);
                if (next === null) {
                  markUnreadable([], 'This is not a JSON object yet.');
                } else {
                  markUnreadable([], null);
                  setValue(next);
                }
              }}
            />
          </Suspense>
        )}
      </div>
      <footer className="editor-foot">
        {unreadable.has('') && <p className="field-error">{unreadable.get('')}</p>}
        {error !== null && (
          <Notice tone="bad" title="Not saved">
            {sentenceOf(error)}
            {error instanceof ApiError &&
              error.code === 'superseded_versions' &&
              ' Save again to say that you mean it.'}
          </Notice>
        )}
        <div className="field">
          <label htmlFor={noteId}>
            Note <span className="quiet">for the others, optional</span>
          </label>
          <input
            id={noteId}
            value={note}
            autoComplete="off"
            onChange={(event) => setNote(event.target.value)}
          />
        </div>
        <div className="editor-actions">
          <p className="quiet" role="status">
            {isUnchanged
              ? 'Nothing is changed yet.'
              : `${changes.length} field${changes.length === 1 ? '' : 's'} changed.`}
          </p>
          <Button look="ghost" onClick={leave}>
            Cancel
          </Button>
          <Button disabled={cannotSave} isBusy={isBusy} onClick={() => void save(false)}>
            Save
          </Button>
          {my.approve.allowed && (
            <Button
              look="main"
              icon="check"
              disabled={cannotSave}
              isBusy={isBusy}
              onClick={() => void save(true)}
            >
              Save and approve
            </Button>
          )}
        </div>
      </footer>
      {isLeaving && (
        <Dialog title="Leave the correction?" onClose={() => setLeaving(false)}>
          <p>What you changed is not saved.</p>
          <footer className="dialog-foot">
            <Button look="ghost" onClick={() => setLeaving(false)}>
              Go on correcting
            </Button>
            <Button look="danger" onClick={onClose}>
              Leave without saving
            </Button>
          </footer>
        </Dialog>
      )}
    </form>
  );
}

/** What is said of paths that are not inside of this one. */
function outside(path: JsonPath, said: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const inside = `${dotted(path)}.`;
  const kept = [...said].filter(([here]) => !here.startsWith(inside));
  return kept.length === said.size ? said : new Map(kept);
}
