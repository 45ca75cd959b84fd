// What a person does. Each step leaves the page where the next one begins.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Long enough that its chart can be seen to grow. */
const ORDER = {
  id: "leaf",
  tasks: [
    { name: "camera", args: ["--width", "7000", "--height", "5000", "--seed", "1"], resources: { requests: { cpu: "1", memory: "256Mi" }, limits: { memory: "512Mi" } } },
    { name: "resize", args: ["--max-side", "1600"], resources: { requests: { cpu: "1", memory: "128Mi" }, limits: { memory: "320Mi" } } },
    "segment",
    "annotate",
  ],
};
const END_MS = 180_000;
const LEAF = new URL("../../orders/images/leaf.jpg", import.meta.url);

const points = (page) => page.locator(".plot").first().getAttribute("data-points").then(Number);
const pill = (page, text) => page.locator("header.head .pill", { hasText: text });

async function until(what, test, timeout = 30_000) {
  const end = Date.now() + timeout;
  for (;;) {
    if (await test()) return;
    if (Date.now() > end) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function openForm(page, order) {
  await page.getByRole("button", { name: /^Load/ }).click();
  const dialog = page.getByRole("dialog", { name: "Load an order" });
  await dialog.getByLabel(/^Order/).fill(JSON.stringify(order, null, 2));
  await dialog.getByLabel(/Time between samples/).fill("200ms");
  return dialog;
}
const submit = (dialog) => dialog.getByRole("button", { name: "Load", exact: true }).click();

export async function emptyList({ page, look }) {
  await page.getByText("There is no order yet").waitFor();
  await page.locator(".connection.open").waitFor();
  await look(page, "empty");
}

/** An order that is wrong is refused in words; a good one is taken, and its view opens. */
export async function loadByForm({ page, look, expected }) {
  const refused = /status of 400 .*\/api\/orders/;
  expected.push(refused);
  const dialog = await openForm(page, { id: "leaf", tasks: ["no-such-task"] });
  await submit(dialog);
  await dialog.getByRole("alert").filter({ hasText: "no-such-task" }).waitFor();
  await look(page, "load");
  expected.splice(expected.indexOf(refused), 1);
  await dialog.getByLabel(/^Order/).fill(JSON.stringify(ORDER));
  await submit(dialog);
  await page.getByRole("heading", { level: 1, name: "leaf" }).waitFor();
}

export async function chartGrows({ page, look }) {
  await pill(page, "running").waitFor();
  await until("first samples", async () => (await points(page)) > 3);
  const before = await points(page);
  const time = () => page.locator(".totals div", { hasText: "Time" }).first().innerText();
  const then = await time();
  await until("the chart grows", async () => (await points(page)) >= before + 5);
  await until("the clock goes", async () => (await time()) !== then);
  if (!(await pill(page, "running").isVisible())) throw new Error("the order had ended before its chart was seen to grow");
  await look(page, "running");
}

/** All that a run shows is there without a reload. */
export async function outcome({ page, look }) {
  await pill(page, "succeeded").waitFor({ timeout: END_MS });
  await until("all runs have ended", async () => (await page.locator("table.runs .pill.good").count()) === ORDER.tasks.length);
  const row = page.locator("table.runs tbody tr").first();
  await until("the totals are there", async () => /MiB/.test(await row.innerText()));
  await page.getByRole("heading", { name: "Outputs" }).waitFor();
  const links = page.locator(".downloads a");
  for (const link of await links.all()) {
    const url = new URL((await link.getAttribute("href")) ?? "", page.url()).href;
    const answer = await page.request.get(url, { timeout: 60_000 });
    if (!answer.ok()) throw new Error(`${await link.innerText()}: ${answer.status()} ${url}`);
  }
  // The pages of the pictures say "Before" and "After".
  const pictures = page.locator(".pictures img");
  if ((await pictures.count()) !== 2) throw new Error(`${await pictures.count()} pictures`);
  await pictures.last().scrollIntoViewIfNeeded();
  await until("pictures are loaded", () => pictures.evaluateAll((all) => all.every((i) => i.complete && i.naturalWidth > 0)));
  // What the events made of the view is what a fresh read makes of it.
  const table = () => page.locator("table.runs tbody").innerText();
  const live = await table();
  const seen = await points(page);
  await page.reload();
  await pill(page, "succeeded").waitFor();
  await until("the same after a reload", async () => (await table()) === live && (await points(page)) === seen);
  await look(page, "order");
}

export async function zoom({ page }) {
  const over = page.locator(".plot").first().locator(".u-over");
  await over.scrollIntoViewIfNeeded();
  const box = await over.boundingBox();
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + box.width * 0.3, y);
  await page.locator(".chart").first().getByText(/^at /).waitFor();
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.5, y, { steps: 8 });
  await page.mouse.up();
  const reset = page.locator(".chart").first().getByRole("button", { name: "Reset zoom" });
  await reset.waitFor();
  await reset.click();
  await reset.waitFor({ state: "detached" });
  // A task's charts are read and zoomed together.
  const chart = page.locator(".grid-of-charts .chart").first();
  const small = chart.locator(".u-over");
  await small.scrollIntoViewIfNeeded();
  const where = await small.boundingBox();
  await page.mouse.move(where.x + where.width * 0.2, where.y + 20);
  await until("all charts are read", () => page.locator(".grid-of-charts .when").evaluateAll((all) => all.length > 1 && all.every((e) => e.textContent.startsWith("at "))));
  await page.mouse.down();
  await page.mouse.move(where.x + where.width * 0.7, where.y + 20, { steps: 8 });
  await page.mouse.up();
  await page.locator(".grid-of-charts").getByRole("button", { name: "Reset zoom" }).nth(1).waitFor();
  await page.mouse.dblclick(where.x + where.width * 0.5, where.y + 30);
  await page.locator(".grid-of-charts").getByRole("button", { name: "Reset zoom" }).first().waitFor({ state: "detached" });
}

export async function keyboard({ page }) {
  const plot = page.locator(".plot").first();
  await plot.focus();
  await page.keyboard.press("ArrowRight");
  const spoken = page.locator(".chart").first().getByRole("status");
  await until("the reading is said", async () => /core/.test(await spoken.innerText()));
  const first = await spoken.innerText();
  await page.keyboard.press("Shift+ArrowRight");
  await until("another reading is said", async () => ![first, ""].includes(await spoken.innerText()));
  await page.keyboard.press("+");
  const reset = page.locator(".chart").first().getByRole("button", { name: "Reset zoom" });
  await reset.waitFor();
  await page.keyboard.press("Escape");
  await reset.waitFor({ state: "detached" });
  await page.locator(".chart").first().getByText("Table").click();
  await until("the table of values is filled", async () => (await page.locator(".chart").first().locator("tbody tr").count()) >= 5);
  await page.locator(".segments label", { hasText: /^Memory$/ }).first().click();
  await page.getByRole("heading", { name: "Memory, working set" }).waitFor();
}

/** An order with a picture, by files. */
export async function picture({ page, look }) {
  const folder = mkdtempSync(join(tmpdir(), "podometer-order-"));
  try {
    const file = join(folder, "photo.json");
    writeFileSync(file, JSON.stringify({ id: "photo", tasks: ["resize", "denoise"] }));
    await page.getByRole("button", { name: /^Load/ }).click();
    const dialog = page.getByRole("dialog", { name: "Load an order" });
    await dialog.getByLabel("or from a file").setInputFiles(file);
    await until("the file is in the form", async () => (await dialog.getByLabel(/^Order/).inputValue()).includes("photo"));
    await dialog.getByLabel(/^Input picture/).setInputFiles({ name: "leaf.jpg", mimeType: "image/jpeg", buffer: readFileSync(LEAF) });
    await submit(dialog);
    await page.getByRole("heading", { level: 1, name: "photo" }).waitFor();
    await pill(page, "succeeded").waitFor({ timeout: END_MS });
    await page.getByLabel("After which task").selectOption({ label: "resize" });
    const before = page.locator(".pictures figure").first();
    await before.getByText("input").waitFor();
    await before.scrollIntoViewIfNeeded();
    await until("the input is seen", () => before.locator("img").evaluate((i) => i.complete && i.naturalWidth > 0));
    await look(page, "photo");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** An id that was used is a conflict, unless the next free one may be taken. */
export async function refusedTwice({ page, expected }) {
  const refused = /status of 409 .*\/api\/orders/;
  expected.push(refused);
  const dialog = await openForm(page, ORDER);
  await submit(dialog);
  await dialog.getByRole("alert").filter({ hasText: "leaf" }).waitFor();
  await dialog.getByLabel(/next free id/).check();
  await submit(dialog);
  await page.getByRole("heading", { level: 1, name: "leaf-2" }).waitFor();
  expected.splice(expected.indexOf(refused), 1);
  await pill(page, "succeeded").waitFor({ timeout: END_MS });
}

export async function overOrders({ page, look }) {
  await page.getByRole("navigation").getByRole("link", { name: "Tasks" }).click();
  await page.getByRole("link", { name: "camera" }).waitFor();
  await look(page, "tasks");
  await page.getByRole("link", { name: "camera" }).click();
  await page.getByRole("heading", { level: 1, name: "camera" }).waitFor();
  await page.getByText("2 runs, newest to oldest").waitFor();
  if ((await page.locator(".strip .dot").count()) !== 8) throw new Error("not a dot per run in each of four distributions");
  const over = page.locator(".u-over").first();
  const box = await over.boundingBox();
  await page.mouse.move(box.x + box.width * 0.3, box.y + 40);
  await page.locator(".legend").getByText(/^2 runs: .*median/).waitFor();
  await look(page, "task");
}

/** Another order runs, is ended from the list after a question, and says so. */
export async function terminateOther({ page, look }) {
  const dialog = await openForm(page, { id: "other", tasks: Array(30).fill(ORDER.tasks[0]) });
  await submit(dialog);
  await pill(page, "running").waitFor();
  await page.getByRole("navigation").getByRole("link", { name: "Orders" }).click();
  await page.getByRole("link", { name: "other" }).waitFor();
  await look(page, "orders");
  await page.getByRole("button", { name: "Terminate other" }).click();
  const question = page.getByRole("dialog", { name: "Terminate other?" });
  await look(page, "terminate");
  await question.getByRole("button", { name: "Let it run" }).click();
  await question.waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Terminate other" }).click();
  await question.getByRole("button", { name: "Terminate", exact: true }).click();
  const row = page.locator("table.orders tr", { hasText: "other" });
  await row.getByText("terminated").waitFor({ timeout: 60_000 });
  await page.locator(".segments label", { hasText: "terminated" }).click();
  await until("the filter holds", async () => (await page.locator("table.orders tbody tr").count()) === 1);
  await page.locator(".segments label", { hasText: "all" }).click();
  await page.getByRole("searchbox").fill("leaf");
  await until("the search holds", async () => (await page.locator("table.orders tbody tr").count()) === 2);
}
