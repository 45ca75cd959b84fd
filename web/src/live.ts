/** What an event changes. Pure: what was known and an event make what is known. */

import { fold, type Tracks } from "./series";
import type { FeedEvent, OrderDetail, OrderSummary, Run, Status, TaskRun } from "./types";

export interface Filter {
  status: Status | "";
  name: string;
}

export const over = (status: Status) => status !== "queued" && status !== "running";

export const matches = (order: OrderSummary, filter: Filter) =>
  (filter.status === "" || order.status === filter.status) && order.id.includes(filter.name);

/** The list after an event: a new order goes to its place (newest first), one that doesn't match any more goes. */
export function applyToOrders(orders: OrderSummary[], event: FeedEvent, filter: Filter): OrderSummary[] {
  if (event.type !== "order") return orders;
  const { order } = event;
  const others = orders.filter((o) => o.order_uid !== order.order_uid);
  if (!matches(order, filter)) return others.length === orders.length ? orders : others;
  const at = others.findIndex((o) => o.created_at < order.created_at);
  return at < 0 ? [...others, order] : [...others.slice(0, at), order, ...others.slice(at)];
}

const sameRun = (a: Run, b: Run) => a.position === b.position && a.attempt === b.attempt;

/** An ended run stays ended, whatever comes late. */
const newer = (known: Run | undefined, run: Run) => (known?.ended_at && !run.ended_at ? known : run);

/** The runs with this one in its place, by position and attempt. */
export function withRun(runs: Run[], run: Run): Run[] {
  const known = runs.find((r) => sameRun(r, run));
  const others = runs.filter((r) => !sameRun(r, run));
  const all = [...others, newer(known, run)];
  return all.sort((a, b) => a.position - b.position || a.attempt - b.attempt);
}

export interface OrderState {
  detail: OrderDetail;
  /** Grows in place; `version` says that it did. */
  tracks: Tracks;
  version: number;
}

/** One order after an event. Its samples are folded in place. */
export function applyToOrder(state: OrderState, event: FeedEvent): OrderState {
  const { detail } = state;
  if (event.type === "order") {
    if (event.order.order_uid !== detail.order_uid) return state;
    return { ...state, detail: { ...detail, ...event.order } };
  }
  if (event.order !== detail.id) return state;
  if (event.type === "run") return { ...state, detail: { ...detail, runs: withRun(detail.runs, event.run) } };
  const added = fold(state.tracks, event.columns, event.series);
  return added > 0 ? { ...state, version: state.version + 1 } : state;
}

/** The runs of a task over all orders after an event, newest first. */
export function applyToTaskRuns(runs: TaskRun[], event: FeedEvent, task: string): TaskRun[] {
  if (event.type === "order") {
    const touched = runs.some((r) => r.order === event.order.id && r.order_status !== event.order.status);
    if (!touched) return runs;
    return runs.map((r) => (r.order === event.order.id ? { ...r, order_status: event.order.status } : r));
  }
  if (event.type !== "run" || event.run.task !== task) return runs;
  const same = (r: TaskRun) => r.order === event.order && sameRun(r, event.run);
  const known = runs.find(same);
  if (known) return runs.map((r) => (same(r) ? { ...r, ...newer(r, event.run) } : r));
  return [{ ...event.run, order: event.order, order_status: "running" }, ...runs];
}

/** How far an order is, 0 to 1; null where the number of its tasks isn't known. */
export function progress(order: OrderSummary): number | null {
  if (order.done === null || !order.tasks) return null;
  return Math.min(1, order.done / order.tasks);
}
