import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** The stack that `npm run web` works on. */
const API = process.env['COUNTERSIGN_URL'] ?? 'http://127.0.0.1:8080';

/** The pages of reviewers: built into `dist/web`, from where the API serves them at `/`. */
export default defineConfig({
  root: import.meta.dirname,
  plugins: [react()],
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    target: 'es2023',
    manifest: true,
    // What is inlined would need `data:` in the content security policy.
    assetsInlineLimit: 0,
    // The polyfill is an inline script, and every browser of this target preloads modules by itself.
    modulePreload: { polyfill: false },
  },
  server: { port: 5173, host: '127.0.0.1', proxy: { '/v1': API, '/auth': API } },
});
