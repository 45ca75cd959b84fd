/** Where the page stands: in the address's hash, so that the server needs to know one page only. */

import { STATUSES, type Status } from "./types";

export type Route =
  | { view: "orders"; status: Status | ""; name: string }
  | { view: "order"; id: string }
  | { view: "tasks" }
  | { view: "task"; task: string }
  | { view: "unknown" };

export function parseRoute(hash: string): Route {
  const [path = "", search = ""] = hash.replace(/^#\/?/, "").split("?");
  let parts: string[];
  try {
    parts = path.split("/").filter(Boolean).map(decodeURIComponent);
  } catch {
    return { view: "unknown" };
  }
  const [view = "orders", name, more] = parts;
  if (more !== undefined) return { view: "unknown" };
  if (view === "orders" && name) return { view: "order", id: name };
  if (view === "tasks") return name ? { view: "task", task: name } : { view: "tasks" };
  if (view !== "orders") return { view: "unknown" };
  const params = new URLSearchParams(search);
  const status = STATUSES.find((s) => s === params.get("status")) ?? "";
  return { view: "orders", status, name: params.get("name") ?? "" };
}

export const href = {
  orders: () => "#/orders",
  order: (id: string) => `#/orders/${encodeURIComponent(id)}`,
  tasks: () => "#/tasks",
  task: (task: string) => `#/tasks/${encodeURIComponent(task)}`,
};
