// Takes the pictures of the page in docs/images anew, of real orders.
// Usage: node web/e2e/images.mjs PATH_TO_PODOMETER

import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { newPage, open } from "./browser.mjs";
import { dataFolder, endAll, serve } from "./serve.mjs";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const program = resolve(process.argv[2]);
const LIMIT_MS = 60_000;
const SOON = { timeout: LIMIT_MS };

function run(data, ...orders) {
  const { status, stderr } = spawnSync(program, ["run", "--data", data, "--no-charts", "--quiet", "--period", "200ms", ...orders], { cwd: root, timeout: LIMIT_MS });
  if (status !== 0 && status !== 1) throw new Error(String(stderr));
}

/** An order that fails: nothing can be resized to nothing. */
function failing(data) {
  const path = join(data, "leaf-small.json");
  const resize = { name: "resize", args: ["--max-side", "0"], retries: 1 };
  writeFileSync(path, JSON.stringify({ id: "leaf-small", tasks: [{ name: "camera", args: ["--width", "900", "--height", "600"] }, resize, "segment"] }));
  return path;
}

async function shoot(page, name, width, height, colorScheme) {
  await page.emulateMedia({ colorScheme });
  await page.setViewportSize({ width, height });
  await page.waitForTimeout(300);
  await page.screenshot({ path: join(root, `docs/images/page-${name}.png`) });
}

async function take(page, url) {
  const order = readFileSync(join(root, "orders/leaf.json"), "utf8");
  const loaded = await fetch(`${url}api/orders?again=true&period=200ms`, { method: "POST", headers: { "content-type": "application/json" }, body: order, signal: AbortSignal.timeout(LIMIT_MS) });
  const { id } = await loaded.json();
  await page.locator("tr", { hasText: id }).getByText("running").waitFor(SOON);
  await shoot(page, "orders", 1280, 640, "light");

  await page.getByRole("link", { name: id, exact: true }).click();
  await page.setViewportSize({ width: 1280, height: 1150 });
  await page.getByText("2/6 denoise").waitFor(SOON);
  await page.waitForTimeout(200);
  const chart = await page.locator(".u-over").first().boundingBox();
  await page.mouse.move(chart.x + chart.width * 0.45, chart.y + chart.height * 0.5);
  await shoot(page, "order", 1280, 1150, "light");
  await page.mouse.move(0, 0);
  await page.getByText("succeeded").first().waitFor(SOON);

  await page.goto(`${url}#/tasks/resize`);
  await page.getByText("over all orders").waitFor(SOON);
  await shoot(page, "task", 1280, 860, "dark");
  await page.goto(`${url}#/orders/leaf-small`);
  await page.getByText("failed").first().waitFor(SOON);
  await shoot(page, "phone", 400, 860, "dark");
}

const data = dataFolder();
try {
  for (let n = 0; n < 6; n += 1) run(data, "orders/leaf.json");
  run(data, failing(data), "orders/photo.json");
  const { url } = await serve(program, data);
  const { context, close } = await open();
  const { page } = await newPage(context, url);
  await take(page, url).finally(close);
} finally {
  await endAll();
}
process.exit();
