import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { devApi } from './dev/api.js';

/** The pages of reviewers: built into `dist/web`, from where the API serves them at `/`. */
export default defineConfig(({ command }) => ({
  root: import.meta.dirname,
  plugins: [react(), ...(command === 'serve' ? [devApi()] : [])],
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
  server: { port: 5173, host: '127.0.0.1' },
}));
