import { isJsonObject, type Json, type JsonObject } from './json.js';
import { showPath, type SnapshotPath } from './snapshot-path.js';

/** One change that is wanted of a snapshot: a value at a place, or nothing there any more. */
export type SnapshotEdit =
  | { readonly kind: 'set'; readonly path: SnapshotPath; readonly value: Json }
  | { readonly kind: 'unset'; readonly path: SnapshotPath };

/** The snapshot after an edit, or the sentence that says why it cannot be made. */
export type EditedSnapshot = { readonly snapshot: JsonObject } | { readonly problem: string };

/**
 * Makes one edit; the snapshot given stays as it is.
 *
 * 1. Only the last step of the path may be new: a key of an object, or the index right behind an array's last item.
 *    A way that leads through what is not there is a typing mistake more often than a wish.
 * 2. What is unset has to be there. Items behind a removed one move up.
 */
export function editSnapshot(snapshot: JsonObject, edit: SnapshotEdit): EditedSnapshot {
  const edited = editAt(snapshot, edit, 0);
  if ('problem' in edited) {
    return edited;
  }
  return isJsonObject(edited.value)
    ? { snapshot: edited.value }
    : { problem: 'A snapshot is an object: name one of its keys.' };
}

type Edited = { readonly value: Json } | { readonly problem: string };

function editAt(value: Json, edit: SnapshotEdit, depth: number): Edited {
  const step = edit.path[depth];
  if (step === undefined) {
    return edit.kind === 'set' ? { value: edit.value } : { problem: 'The path is empty.' };
  }
  const isLast = depth === edit.path.length - 1;
  const here = edit.path.slice(0, depth);
  if (typeof step === 'number') {
    return Array.isArray(value)
      ? editItem(value, step, edit, depth, isLast)
      : { problem: `${showPath(here)} is no list, so it has no item [${step}].` };
  }
  if (!isJsonObject(value)) {
    return { problem: `${showPath(here)} is no object, so it has no key ${JSON.stringify(step)}.` };
  }
  const old = Object.hasOwn(value, step) ? value[step] : undefined;
  if (old === undefined) {
    return edit.kind === 'set' && isLast
      ? { value: withKey(value, step, edit.value) }
      : { problem: missing(edit.path.slice(0, depth + 1)) };
  }
  if (isLast && edit.kind === 'unset') {
    return { value: Object.fromEntries(Object.entries(value).filter(([key]) => key !== step)) };
  }
  const child = editAt(old, edit, depth + 1);
  return 'problem' in child ? child : { value: withKey(value, step, child.value) };
}

function editItem(
  items: readonly Json[],
  index: number,
  edit: SnapshotEdit,
  depth: number,
  isLast: boolean,
): Edited {
  const old = items[index];
  if (old === undefined) {
    return edit.kind === 'set' && isLast && index === items.length
      ? { value: [...items, edit.value] }
      : { problem: missing(edit.path.slice(0, depth + 1), items.length) };
  }
  if (isLast && edit.kind === 'unset') {
    return { value: items.filter((_, at) => at !== index) };
  }
  const child = editAt(old, edit, depth + 1);
  return 'problem' in child
    ? child
    : { value: items.map((item, at) => (at === index ? child.value : item)) };
}

/** From entries, because a plain assignment would take the key `__proto__` for something else. */
function withKey(value: JsonObject, key: string, child: Json): JsonObject {
  return Object.fromEntries(new Map(Object.entries(value)).set(key, child));
}

function missing(path: SnapshotPath, length?: number): string {
  const items = length === undefined ? '' : ` (the list has ${length} items)`;
  return `There is no ${showPath(path)}${items}: name what is there, or the one place where something is to be added.`;
}
