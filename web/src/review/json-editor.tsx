import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { json, jsonParseLinter } from '@codemirror/lang-json';
import {
  bracketMatching,
  ensureSyntaxTree,
  foldGutter,
  foldKeymap,
  HighlightStyle,
  indentOnInput,
  syntaxHighlighting,
} from '@codemirror/language';
import { type Diagnostic, linter, lintGutter, lintKeymap } from '@codemirror/lint';
import { EditorState } from '@codemirror/state';
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  keymap,
  lineNumbers,
} from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { useEffect, useRef } from 'react';
import type { Json, JsonObject } from '../api/wire.js';
import { checkValue } from './check-value.js';
import type { Field } from './form-model.js';
import { rangeOf } from './json-range.js';
import { isObject } from './json-values.js';

const theme = EditorView.theme({
  '&': { color: 'var(--text)', backgroundColor: 'var(--surface)', fontSize: '13px' },
  '&.cm-focused': { outline: 'none' },
  '.cm-content': { fontFamily: 'var(--mono)', padding: '12px 0', caretColor: 'var(--text)' },
  // It grows with its text: a second thing that scrolls would be one more to get lost in.
  '.cm-scroller': { lineHeight: '20px' },
  '.cm-gutters': {
    backgroundColor: 'var(--surface)',
    color: 'var(--quiet)',
    border: 'none',
    fontFamily: 'var(--mono)',
  },
  '.cm-activeLine': { backgroundColor: 'var(--hover)' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground':
    { backgroundColor: 'var(--accent-soft)' },
  '.cm-matchingBracket': { backgroundColor: 'var(--accent-soft)' },
  '.cm-tooltip': {
    backgroundColor: 'var(--raised)',
    color: 'var(--text)',
    border: '1px solid var(--line)',
    borderRadius: '6px',
    overflow: 'hidden',
  },
});

const colours = HighlightStyle.define([
  { tag: tags.propertyName, color: 'var(--code-key)' },
  { tag: tags.string, color: 'var(--code-text)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--code-value)' },
]);

/**
 * An editor of a JSON object, with what is wrong with it in place.
 *
 * It lives in a shadow root: there its styles are adopted sheets, where in the document they would be inline styles, which
 * the content security policy forbids.
 */
export function JsonEditor({
  value,
  model,
  refused,
  onChange,
}: {
  readonly value: JsonObject;
  readonly model: Field;
  readonly refused: ReadonlyMap<string, string>;
  /** Called with null while the text is no JSON object. */
  readonly onChange: (value: JsonObject | null) => void;
}) {
  const host = useRef<HTMLDivElement>(null);
  const latest = useRef({ refused, onChange });
  const first = useRef(value);
  useEffect(() => {
    latest.current = { refused, onChange };
  });

  useEffect(() => {
    const element = host.current;
    if (element === null) {
      return undefined;
    }
    const root = element.shadowRoot ?? element.attachShadow({ mode: 'open' });
    const parseLinter = jsonParseLinter();
    const view = new EditorView({
      parent: root,
      root,
      state: EditorState.create({
        doc: JSON.stringify(first.current, null, 2),
        extensions: [
          lineNumbers(),
          foldGutter(),
          history(),
          drawSelection(),
          indentOnInput(),
          bracketMatching(),
          highlightActiveLine(),
          json(),
          syntaxHighlighting(colours),
          theme,
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ 'aria-label': 'The snapshot as JSON' }),
          // Tab leaves the editor, as it leaves any field: nobody is caught in it.
          keymap.of([...defaultKeymap, ...historyKeymap, ...foldKeymap, ...lintKeymap]),
          lintGutter(),
          linter((editor) => {
            const broken = parseLinter(editor);
            return broken.length > 0 ? broken : advise(editor.state, model, latest.current.refused);
          }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) {
              latest.current.onChange(readObject(update.state.doc.toString()));
            }
          }),
        ],
      }),
    });
    view.focus();
    return () => view.destroy();
  }, [model]);

  return <div ref={host} className="json-editor" />;
}

/** What the form would not expect, or the server refused, each at its place in the text. */
function advise(
  state: EditorState,
  model: Field,
  refused: ReadonlyMap<string, string>,
): readonly Diagnostic[] {
  const value = readObject(state.doc.toString());
  const tree = ensureSyntaxTree(state, state.doc.length, 200);
  if (value === null || tree === null) {
    return [];
  }
  const text = (from: number, to: number): string => state.sliceDoc(from, to);
  const advice = checkValue(model, value).map(({ path, message }): Diagnostic => {
    return { ...rangeOf(tree.topNode, path, text), severity: 'warning', message };
  });
  const errors = [...refused].map(([path, message]): Diagnostic => {
    const keys = path.split('.').map((key) => (/^\d+$/.test(key) ? Number(key) : key));
    return { ...rangeOf(tree.topNode, keys, text), severity: 'error', message };
  });
  return [...errors, ...advice];
}

function readObject(text: string): JsonObject | null {
  try {
    const value = JSON.parse(text) as Json; // oxlint-disable-line typescript/no-unsafe-type-assertion -- what JSON.parse gives is JSON
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}
