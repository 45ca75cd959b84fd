import { describe, expect, it } from "vitest";
import { near, reading, valueRange, type Plotted } from "../src/parts/plot";
import { pictures } from "../src/parts/outputs";
import { rows, ticks } from "../src/parts/timeline";
import type { OrderDetail } from "../src/types";

describe("the range of values", () => {
  const limit = { kind: "limit" as const, value: 100 };
  it("takes in a limit that is near, and leaves out one that would squash the data", () => {
    expect(valueRange(50, [limit], "cores")[1]).toBeGreaterThan(100);
    expect(valueRange(2, [limit], "cores")[1]).toBeLessThan(3);
    expect(near([limit], 2)).toEqual([]);
  });
  it("is never empty", () => expect(valueRange(0, [], "share")[1]).toBeGreaterThan(0));
});

it("a reading is of what is near, and missing elsewhere", () => {
  const series = [{ name: "a", colour: "", values: [1, 2, undefined, undefined] }, { name: "b", colour: "", values: [undefined, undefined, null, 4] }];
  const plotted: Plotted = { unit: "bytes", x: [0, 1, 50, 51], series, references: [], end: 100, zoom: null, theme: "light", syncKey: "" };
  expect(reading(plotted, 0)).toEqual([1, null]);
  expect(reading(plotted, 2)).toEqual([null, 4]);
});

it("ticks are round and few", () => {
  expect(ticks(12.8)).toEqual([0, 5, 10]);
  for (const span of [0.001, 0.37, 7.44, 100, 86_399]) expect(ticks(span).length).toBeLessThanOrEqual(6);
});

const detail = {
  plan: [{ position: 0, task: "a" }, { position: 1, task: "b" }],
  runs: [{ position: 0, attempt: 1, task: "a", picture: "/api/1" }, { position: 0, attempt: 2, task: "a", picture: "/api/2" }, { position: 2, attempt: 1, task: "c", picture: null }],
  input_picture: "/api/in",
} as unknown as OrderDetail;

it("the timeline has a row for each task, also for those that wait or aren't in the plan", () => {
  expect(rows(detail).map((r) => [r.task, r.runs.length])).toEqual([["a", 2], ["b", 0], ["c", 1]]);
});

it("pictures are the input and the last attempt's of each task, relative to the page", () => {
  expect(pictures(detail)).toEqual([{ name: "input", url: "api/in" }, { name: "a", url: "api/2" }]);
});
