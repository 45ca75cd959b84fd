// A wrong token, and a server that goes away and comes back.

import { newPage } from "./browser.mjs";
import { dataFolder, serve } from "./serve.mjs";

const TOKEN = "a-token-of-this-test-0123456789";

/** The page asks once; a wrong token is refused in words, the right one is kept from scripts. */
export async function tokens({ context, program, look }) {
  const server = await serve(program, dataFolder(), { token: TOKEN });
  const { page, wrong, expected } = await newPage(context, server.url);
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  const refused = /status of 401 .*\/api\/session/;
  expected.push(refused);
  await page.getByLabel("Token").fill("not-the-token-of-this-test");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").filter({ hasText: "not the one of this server" }).waitFor();
  expected.splice(expected.indexOf(refused), 1);
  await look(page, "signin");
  await page.getByLabel("Token").fill(TOKEN);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { level: 1, name: "Orders" }).waitFor();
  if (await page.evaluate(() => document.cookie)) throw new Error("scripts can read the cookie");
  await page.reload();
  await page.getByRole("heading", { level: 1, name: "Orders" }).waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  if (wrong.length > 0) throw new Error(wrong.join("\n"));
  await page.close();
  await server.end();
}

/** The page says that the connection is lost, and reads anew when it is there again. */
export async function connection({ page, expected, program, data, server }) {
  expected.push(/Failed to load resource|ERR_|net::/);
  await server.end();
  await page.locator(".connection.lost").waitFor();
  await page.getByRole("status").filter({ hasText: "Connection lost" }).waitFor({ state: "attached" });
  const again = await serve(program, data, { listen: new URL(server.url).host });
  await page.locator(".connection.open").waitFor({ timeout: 30_000 });
  await page.getByRole("status").filter({ hasText: "Connected again" }).waitFor({ state: "attached" });
  await page.getByRole("link", { name: "leaf", exact: true }).waitFor();
  await again.end();
}
