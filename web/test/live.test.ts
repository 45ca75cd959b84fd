import { describe, expect, it } from "vitest";
import { parse } from "../src/feed";
import { applyToOrder, applyToOrders, applyToTaskRuns, progress, withRun, type OrderState } from "../src/live";
import type { OrderDetail, OrderSummary, Run } from "../src/types";

const order = (id: string, more: Partial<OrderSummary> = {}) =>
  ({ id, order_uid: `uid-${id}`, status: "running", created_at: "2026-11-25T04:00:00Z", done: 1, tasks: 4, ...more }) as OrderSummary;
const run = (position: number, attempt: number, ended_at: string | null = null, task = "resize") =>
  ({ position, attempt, task, ended_at, reason: ended_at ? "completed" : null }) as Run;
const all = { status: "", name: "" } as const;

describe("the list of orders", () => {
  const known = [order("b", { created_at: "2026-11-25T05:00:00Z" }), order("a")];
  it("puts a new order in its place", () => {
    const made = order("c", { created_at: "2026-11-25T04:30:00Z" });
    expect(applyToOrders(known, { type: "order", order: made }, all).map((o) => o.id)).toEqual(["b", "c", "a"]);
  });
  it("replaces a known one by its execution, not by its name", () => {
    const changed = applyToOrders(known, { type: "order", order: order("a", { done: 3 }) }, all);
    expect(changed.map((o) => [o.id, o.done])).toEqual([["b", 1], ["a", 3]]);
  });
  it("lets go what doesn't match the filter any more", () => {
    const ended = { type: "order" as const, order: order("a", { status: "succeeded" }) };
    expect(applyToOrders(known, ended, { status: "running", name: "" }).map((o) => o.id)).toEqual(["b"]);
    expect(applyToOrders(known, { type: "order", order: order("x") }, { status: "", name: "leaf" })).toBe(known);
  });
  it("doesn't change by samples", () => {
    const samples = { type: "samples" as const, order: "a", columns: [], series: { position: 0, task: "t", attempt: 1, rows: [] } };
    expect(applyToOrders(known, samples, all)).toBe(known);
  });
});

describe("runs", () => {
  it("stand by position and attempt", () => {
    const runs = [run(0, 1), run(2, 1)].reduce(withRun, [run(1, 2), run(1, 1)]);
    expect(runs.map((r) => [r.position, r.attempt])).toEqual([[0, 1], [1, 1], [1, 2], [2, 1]]);
  });
  it("stay ended, whatever comes late", () => {
    expect(withRun([run(0, 1, "2026-11-25T04:00:00Z")], run(0, 1))[0]?.ended_at).not.toBeNull();
  });
});

describe("one order", () => {
  const state = (): OrderState => ({ detail: { ...order("a"), runs: [], plan: [] } as unknown as OrderDetail, tracks: new Map(), version: 0 });
  it("takes what is its own only", () => {
    const before = state();
    expect(applyToOrder(before, { type: "run", order: "b", run: run(0, 1) })).toBe(before);
    expect(applyToOrder(before, { type: "order", order: order("a", { order_uid: "another execution" }) })).toBe(before);
    expect(applyToOrder(before, { type: "run", order: "a", run: run(0, 1) }).detail.runs).toHaveLength(1);
  });
  it("counts up for new samples and not for known ones", () => {
    const text = JSON.stringify({ order: "a", position: 0, task: "t", attempt: 1, columns: ["time", "elapsed_seconds", "seq", "cpu"], rows: [["2026-11-25T04:00:00Z", 0, 0, null]] });
    const event = parse("samples", text);
    if (!event) throw new Error("no event");
    const once = applyToOrder(state(), event);
    expect(once.version).toBe(1);
    expect(applyToOrder(once, event)).toBe(once);
    expect(once.tracks.get("0/1")?.values["cpu"]).toEqual([null]);
  });
});

it("a task's runs over all orders get new ones first, and their order's end", () => {
  const first = applyToTaskRuns([], { type: "run", order: "a", run: run(0, 1) }, "resize");
  const second = applyToTaskRuns(first, { type: "run", order: "b", run: run(0, 1) }, "resize");
  expect(applyToTaskRuns(second, { type: "run", order: "b", run: run(1, 1, null, "blur") }, "resize")).toBe(second);
  expect(second.map((r) => r.order)).toEqual(["b", "a"]);
  const ended = applyToTaskRuns(second, { type: "order", order: order("a", { status: "failed" }) }, "resize");
  expect(ended.map((r) => r.order_status)).toEqual(["running", "failed"]);
});

it("progress is unknown where the number of tasks is", () => {
  expect(progress(order("a"))).toBe(0.25);
  expect(progress(order("a", { tasks: null }))).toBeNull();
});

it("kinds of events that this page doesn't know are left out", () => expect(parse("reload", "{}")).toBeNull());
