import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  plugins: [svelte()],
  // Nothing is inlined: the page's policy allows only what its own origin serves.
  build: { sourcemap: !!process.env.MAPS, target: 'es2022', assetsInlineLimit: 0, emptyOutDir: false, modulePreload: { polyfill: false } },
  server: { proxy: { '/api': { target: 'http://127.0.0.1:8420', ws: true } } },
  test: { include: ['test/**/*.test.ts'] },
})
