// A `podometer serve` of its own, on a free port and a data folder of its own, that dies with the test.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const START_MS = 30_000;
const END_MS = 20_000;
const running = new Set();
const folders = new Set();

export function dataFolder() {
  const folder = mkdtempSync(join(tmpdir(), "podometer-page-"));
  folders.add(folder);
  return folder;
}

/** Starts it; resolves to its address (with a slash at the end) and how to end it. */
export async function serve(program, data, { token, listen = "127.0.0.1:0" } = {}) {
  const env = { ...process.env };
  delete env.PODOMETER_TOKEN;
  if (token) env.PODOMETER_TOKEN = token;
  const child = spawn(program, ["serve", "--data", data, "--listen", listen], { env, stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  const ended = new Promise((resolve) => child.once("exit", resolve)).then(() => running.delete(end));
  const end = async () => {
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), END_MS);
    await ended;
    clearTimeout(timer);
  };
  running.add(end);
  child.stderr.on("data", (text) => (log += text));
  const url = await new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`serve said no address in time:\n${log}`)), START_MS);
    ended.then(() => reject(new Error(`serve ended at once:\n${log}`)));
    child.stdout.on("data", (text) => {
      const found = /http:\/\/\S+/.exec(String(text));
      if (!found) return;
      clearTimeout(late);
      resolve(found[0].replace(/\/?$/, "/"));
    });
  });
  return { url, end, log: () => log };
}

export async function endAll() {
  await Promise.all([...running].map((end) => end()));
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}
