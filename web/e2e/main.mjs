// The page on a real server: what a person does with it, step by step.

import { newPage, look, open } from "./browser.mjs";
import { connection, tokens } from "./refusals.mjs";
import { dataFolder, endAll, serve } from "./serve.mjs";
import { chartGrows, emptyList, keyboard, loadByForm, outcome, overOrders, picture, refusedTwice, terminateOther, zoom } from "./steps.mjs";

const program = process.argv[2];
const LIMIT_MS = 15 * 60_000;

async function all() {
  const data = dataFolder();
  const server = await serve(program, data);
  const { context, close } = await open();
  const { page, wrong, expected } = await newPage(context, server.url);
  const steps = { emptyList, loadByForm, chartGrows, outcome, zoom, keyboard, picture, refusedTwice, overOrders, terminateOther };
  const test = { page, look, expected, url: server.url, wrong };
  let step = "";
  try {
    for (const [name, run] of Object.entries(steps)) {
      step = name;
      await run(test);
      sound(name, wrong);
    }
    for (const [name, run] of Object.entries({ tokens, connection })) {
      step = name;
      await run({ ...test, context, program, data, server });
      sound(name, wrong);
    }
  } catch (error) {
    const shots = process.env.PODOMETER_SHOTS;
    if (shots) await page.screenshot({ path: `${shots}/failed-${step}.png`, fullPage: true }).catch(() => {});
    console.error(`page: ${step} failed\n${wrong.join("\n")}\n--- serve said:\n${server.log().slice(-4000)}`);
    throw error;
  } finally {
    await close();
  }
}

function sound(name, wrong) {
  if (wrong.length > 0) throw new Error(`${name}:\n${wrong.join("\n")}`);
  console.log(`page: ${name} ok`);
}

const late = setTimeout(() => {
  console.error(`page: not done after ${LIMIT_MS / 60_000} minutes`);
  endAll().finally(() => process.exit(1));
}, LIMIT_MS);
process.on("SIGTERM", () => void endAll().finally(() => process.exit(143)));
try {
  await all();
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  clearTimeout(late);
  await endAll();
}
process.exit();
