import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [svelte({ configFile: false })],
  build: {
    target: "es2023",
    // Nothing inline: the content security policy allows no `data:` but for images.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 800,
  },
  server: {
    // `npm run dev` beside a running `mizan serve`.
    proxy: { "/v1": process.env["MIZAN_URL"] ?? "http://127.0.0.1:8080" },
  },
  test: { include: ["tests/**/*.test.ts"] },
});
