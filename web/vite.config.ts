import { defineConfig } from "vitest/config";

const serve = process.env["PODOMETER_SERVE"] ?? "http://127.0.0.1:7465";

export default defineConfig({
  // Relative, so that the page also works behind a path of a reverse proxy.
  base: "./",
  build: {
    target: "es2022",
    modulePreload: { polyfill: false },
    // Small pictures stay files: the content security policy has no `data:`.
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    reportCompressedSize: false,
  },
  server: { proxy: { "/api": serve } },
  test: { include: ["test/**/*.test.ts"] },
});
