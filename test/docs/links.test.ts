import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { type Document, document, documents, prose, ROOT } from './markdown.js';

test.each(documents())('every relative link of $path leads somewhere', ({ path, text }) => {
  const links = [...prose(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, to = '']) => to);
  const broken = links.filter((to) => !/^[a-z]+:/.test(to) && !isThere({ path, text }, to));
  expect(broken).toEqual([]);
});

test.each(documents())('every picture of $path is there', ({ path, text }) => {
  const pictures = [...prose(text).matchAll(/\b(?:src|srcset)="([^"]+)"/g)].map(
    ([, to = '']) => to,
  );
  expect(pictures.filter((to) => !isThere({ path, text }, to))).toEqual([]);
});

test.each(documents())('every npm script that $path names exists', ({ text }) => {
  const named = [...text.matchAll(/\bnpm (?:run (?:-s |--silent )?([\w:-]+)|(test|start)\b)/g)];
  const scripts: object = packageJson.scripts;
  const unknown = named
    .map(([, script, short]) => script ?? short ?? '')
    .filter((name) => !Object.hasOwn(scripts, name));
  expect(unknown).toEqual([]);
});

test.each(documents())('every path that $path names in code exists', ({ text }) => {
  const FOLDERS = /`((?:src|test|docs|scripts|examples|bench|bin|tools|\.ci)\/[\w./-]*)`/g;
  const named = [...prose(text).matchAll(FOLDERS)].map(([, path = '']) => path);
  expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});

test('README says where every page of docs is', () => {
  const readme = document('README.md').text;
  const pages = documents().map(({ path }) => path);
  const unnamed = pages.filter((path) => path.startsWith('docs/') && !readme.includes(path));
  expect(unnamed).toEqual([]);
});

function isThere(from: Document, to: string): boolean {
  const [file = '', anchor] = to.split('#');
  const path = file === '' ? from.path : join(dirname(from.path), file);
  if (!existsSync(join(ROOT, path))) {
    return false;
  }
  return anchor === undefined || anchorsOf(document(path)).includes(anchor);
}

/** The anchors of a document's headings, as they are made where Markdown is shown. */
function anchorsOf({ text }: Document): readonly string[] {
  return [...prose(text).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
