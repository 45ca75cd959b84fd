// The browser, what it must never do, axe, and screenshots.

import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const shots = process.env.PODOMETER_SHOTS;

export async function open() {
  const profile = mkdtempSync(join(tmpdir(), "podometer-browser-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: "/usr/bin/chromium",
    headless: true,
    args: FLAGS,
    viewport: { width: 1280, height: 900 },
    timeout: 60_000,
  });
  const close = async () => {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  };
  return { context, close };
}

/** A page that notes every error of the console and every request that goes elsewhere. */
export async function newPage(context, url) {
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const origin = new URL(url).origin;
  const wrong = [];
  /** What the browser itself logs of an answer or a connection that a step wants to be refused. */
  const expected = [];
  page.on("console", (message) => {
    if (message.type() !== "error" && message.type() !== "warning") return;
    const text = `${message.text()} ${message.location().url ?? ""}`;
    if (!expected.some((pattern) => pattern.test(text))) wrong.push(`console: ${text}`);
  });
  page.on("pageerror", (error) => wrong.push(`error: ${error.message}`));
  page.on("request", (request) => {
    const to = new URL(request.url());
    if (to.origin !== origin) wrong.push(`request elsewhere: ${request.url()}`);
  });
  await page.goto(url);
  return { page, wrong, expected };
}

/** Fails if axe finds something serious or critical. */
async function accessible(page, name) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("Runtime.evaluate", { expression: AXE });
  await cdp.detach();
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const bad = violations.filter((v) => v.impact === "serious" || v.impact === "critical");
  if (bad.length > 0) {
    const words = bad.map((v) => `${v.id}: ${v.help}\n    ${v.nodes.slice(0, 4).map((n) => `${n.html}\n      ${n.failureSummary?.replaceAll("\n", " ")}`).join("\n    ")}`);
    throw new Error(`axe on ${name}:\n  ${words.join("\n  ")}`);
  }
}

/** The view in dark and light, wide and narrow: by axe, without a sideways scroll, and as a screenshot. */
export async function look(page, name) {
  for (const theme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
    for (const width of [1280, 400]) {
      await page.setViewportSize({ width, height: 900 });
      await page.waitForTimeout(150);
      await accessible(page, `${name}, ${theme}, ${width} px`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      if (wide > width) throw new Error(`${name} is ${wide} px wide on a screen of ${width}`);
      if (!shots) continue;
      mkdirSync(shots, { recursive: true });
      await page.screenshot({ path: join(shots, `${name}-${theme}-${width}.png`), fullPage: true });
    }
  }
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  await page.setViewportSize({ width: 1280, height: 900 });
}
