import { linkIn } from './snapshot-model.js';

/** A source document as a page can show it. */
export type Source =
  | { readonly kind: 'text'; readonly text: string }
  | {
      readonly kind: 'pdf' | 'image';
      readonly type: string;
      readonly bytes: Uint8Array<ArrayBuffer>;
    }
  | { readonly kind: 'link'; readonly url: URL }
  /** `text` is what the run wrote, if that is short enough to be read. */
  | { readonly kind: 'unknown'; readonly text: string | null };

/** What may be given an address of ours: none of these can run a script. */
const SHOWN = {
  'application/pdf': 'pdf',
  'image/png': 'image',
  'image/jpeg': 'image',
  'image/gif': 'image',
  'image/webp': 'image',
} as const;

const TEXTS = /^(?:text\/(?!html)[\w.+-]+|application\/(?:json|xml|[\w.+-]+\+(?:json|xml)))$/;
const MAX_NAME = 300;

/** Reads what a run gave as its source: a `data:` URL, an address, or anything else. */
export function readSource(source: string): Source {
  const link = linkIn(source);
  if (link !== null) {
    return { kind: 'link', url: link };
  }
  const [, head = '', body = ''] = /^data:([^,]*),(.*)$/is.exec(source) ?? [];
  const type = head.split(';')[0]?.trim().toLowerCase() ?? '';
  const bytes = body === '' ? null : bytesOf(head, body);
  if (bytes !== null && TEXTS.test(type)) {
    return { kind: 'text', text: new TextDecoder().decode(bytes) };
  }
  if (bytes !== null && isShown(type)) {
    return { kind: SHOWN[type], type, bytes };
  }
  return { kind: 'unknown', text: source.length <= MAX_NAME && body === '' ? source : null };
}

function isShown(type: string): type is keyof typeof SHOWN {
  return Object.hasOwn(SHOWN, type);
}

function bytesOf(head: string, body: string): Uint8Array<ArrayBuffer> | null {
  try {
    if (!/;\s*base64$/i.test(head)) {
      return Uint8Array.from(new TextEncoder().encode(decodeURIComponent(body)));
    }
    const text = atob(body);
    const bytes = new Uint8Array(text.length);
    for (let index = 0; index < text.length; index += 1) {
      bytes[index] = text.charCodeAt(index);
    }
    return bytes;
  } catch {
    return null;
  }
}
