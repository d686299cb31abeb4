import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import express, { type Express } from 'express';

/** Where the inbox is built, in a checkout as in an image. */
export const WEB_FOLDER = fileURLToPath(new URL('../../dist/web', import.meta.url));

/** The addresses that the inbox itself shows a page for. */
const PAGES = [
  '/',
  '/reviews/{*rest}',
  '/runs{/*rest}',
  '/workflows{/*rest}',
  '/operations',
  '/signin{/*rest}',
];

/**
 * What the inbox may load and do: itself, and source documents that it has read (`blob:`).
 *
 * Nothing comes from elsewhere, no script is inline, and no other site may frame it.
 */
export const INBOX_POLICY = [
  "default-src 'self'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "frame-src 'self' blob:",
  "connect-src 'self'",
  "object-src 'none'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'self'",
].join(';');

/** The files beside its page; a pattern, so that no request of the API is looked for in a folder. */
const TOP_LEVEL_FILES = /^\/[\w-]+\.(?:js|svg|png|ico)$/;

/** Serves the built inbox: its pages under every address of theirs, and the files they load. */
export function mountWebApp(app: Express, folder: string | null): void {
  if (folder === null) {
    return;
  }
  const page = join(folder, 'index.html');
  app.get(PAGES, (_request, response, next) => {
    // Asked each time: it may be built while the server runs.
    if (existsSync(page)) {
      response.sendFile(page, { cacheControl: false, etag: false, lastModified: false });
    } else {
      next();
    }
  });
  const files = { index: false, redirect: false, cacheControl: false } as const;
  app.use(
    '/assets',
    express.static(join(folder, 'assets'), {
      ...files,
      // Their names hold a hash of what is in them.
      setHeaders: (response) => {
        response.setHeader('cache-control', 'public, max-age=31536000, immutable');
      },
    }),
  );
  app.get(
    TOP_LEVEL_FILES,
    express.static(folder, {
      ...files,
      setHeaders: (response) => {
        response.setHeader('cache-control', 'no-cache');
      },
    }),
  );
}

/** Where programs ask, and a page would be no answer. */
const OF_PROGRAMS = /^\/(?:v1|v2|api|auth|assets|docs)(?:\/|$)/;

/** Shows people who have gone astray the inbox's own page for it; programs are left to the next handler. */
export function mountPageForTheLost(app: Express, folder: string | null): void {
  if (folder === null) {
    return;
  }
  const page = join(folder, 'index.html');
  app.get('/{*rest}', (request, response, next) => {
    const wantsPage = request.accepts(['json', 'html']) === 'html';
    if (wantsPage && !OF_PROGRAMS.test(request.path) && existsSync(page)) {
      response
        .status(404)
        .sendFile(page, { cacheControl: false, etag: false, lastModified: false });
    } else {
      next();
    }
  });
}
