import { describe, expect, it } from "vitest";
import { align, concat, curve, fold, latest, nearest, peak, quantile, seconds, thinned, trackKey, use, type Tracks } from "../src/series";
import type { Cell } from "../src/types";

const COLUMNS = ["time", "elapsed_seconds", "seq", "cpu", "memory"];
const row = (seq: number, cpu: number | null, memory: number | null = 1): Cell[] => [`2026-11-25T04:00:0${seq}.250000Z`, seq, seq, cpu, memory];
const series = (...rows: Cell[][]) => ({ position: 0, task: "resize", attempt: 1, rows });

describe("fold", () => {
  it("takes each sample once, in order, however they come", () => {
    const tracks: Tracks = new Map();
    expect(fold(tracks, COLUMNS, series(row(0, null), row(2, 0.5)))).toBe(2);
    expect(fold(tracks, COLUMNS, series(row(2, 0.5), row(1, 0.25), row(3, 1)))).toBe(2);
    const track = tracks.get(trackKey(0, 1));
    expect(track?.seq).toEqual([0, 1, 2, 3]);
    expect(track?.elapsed).toEqual([0, 1, 2, 3]);
    expect(track?.values["cpu"]).toEqual([null, 0.25, 0.5, 1]);
  });
  it("keeps what is missing missing", () => {
    const tracks: Tracks = new Map();
    fold(tracks, COLUMNS, series(row(0, 1, null)));
    fold(tracks, ["time", "elapsed_seconds", "seq", "threads"], series(["2026-11-25T04:00:01Z", 1, 1, 4]));
    const track = tracks.get(trackKey(0, 1));
    expect(track?.values["memory"]).toEqual([null, null]);
    expect(track?.values["threads"]).toEqual([null, 4]);
  });
  it("keeps attempts apart and leaves out rows without a place", () => {
    const tracks: Tracks = new Map();
    fold(tracks, COLUMNS, series(row(0, 1), [null, 1, 1, 1, 1], ["2026-11-25T04:00:01Z", 1, null, 1, 1]));
    fold(tracks, COLUMNS, { ...series(row(0, 1)), attempt: 2 });
    expect([...tracks].map(([key, t]) => [key, t.seq.length])).toEqual([["0/1", 1], ["0/2", 1]]);
  });
  it("knows what was missed, after a closer look only there", () => {
    const tracks: Tracks = new Map();
    const columns = [...COLUMNS, "missed_before", "cpu_lower_bound", "is_final"];
    const wide = (seq: number, missed: number): Cell[] => [...row(seq, 1), missed, false, false];
    fold(tracks, columns, series(wide(0, 0), wide(3, 2)));
    const track = tracks.get(trackKey(0, 1));
    expect(track?.missed).toEqual([0, 2]);
    fold(tracks, columns, series(wide(1, 2), wide(2, 0), wide(3, 0)));
    expect(track?.missed).toEqual([0, 2, 0, 0]);
    expect(Object.keys(track?.values ?? {})).toEqual(["cpu", "memory"]);
  });
  it("reads microseconds", () => expect(seconds("2026-11-25T04:00:00.000250Z") % 1).toBeCloseTo(0.00025, 6));
});

describe("drawing", () => {
  it("lets a rate begin at the baseline, but not a gauge", () => {
    const track = (values: (number | null)[]) => ({ missed: [0, 0, 0], values: { it: values } });
    expect(curve(track([null, 0.5, 1]), "it", "cores", [0, 1, 2]).y).toEqual([0.5, 0.5, 1]);
    expect(curve(track([null, 5, 1]), "it", "bytes", [0, 1, 2]).y).toEqual([null, 5, 1]);
    expect(curve(track([]), "other", "bytes", [0, 1]).y).toEqual([null, null]);
  });
  it("breaks a gauge where readings were missed, and no rate", () => {
    const track = { missed: [0, 0, 3], values: { it: [1, 2, 4] } };
    expect(curve(track, "it", "bytes", [0, 1, 5])).toEqual({ x: [0, 1, 3, 5], y: [1, 2, null, 4] });
    expect(curve(track, "it", "cores", [0, 1, 5])).toEqual({ x: [0, 1, 3, 5], y: [1, 2, 4, 4] });
  });
  it("aligns without breaking lines", () => {
    const { x, ys } = align([{ x: [0, 2], y: [1, null] }, { x: [1], y: [5] }]);
    expect(x).toEqual([0, 1, 2]);
    expect(ys[0]).toEqual([1, undefined, null]);
    expect(ys[1]).toEqual([undefined, 5, undefined]);
  });
  it("breaks the line between attempts", () => {
    expect(concat([{ x: [0, 1], y: [1, 2] }, { x: [3], y: [4] }])).toEqual({ x: [0, 1, 2, 3], y: [1, 2, null, 4] });
  });
  it("finds what is near", () => {
    expect(nearest([0, 1, 2, 3], [5, undefined, undefined, 7], 2, 1)).toBe(3);
    expect(nearest([0, 1, 2, 30], [null, undefined, null, 7], 1, 5)).toBeNull();
    expect(nearest([], [], 0, 5)).toBeNull();
  });
});

describe("figures", () => {
  it("peak and latest leave out what is missing", () => {
    expect(peak([0, 1, 2], [null, 3, 2])).toEqual({ value: 3, at: 1 });
    expect(peak([0], [null])).toBeNull();
    expect(latest([1, 2, null])).toBe(2);
    expect(latest([null])).toBeNull();
  });
  it("quantile is by the nearest rank", () => {
    expect(quantile([3, 1, 2], 0.5)).toBe(2);
    expect(quantile([], 0.5)).toBeNull();
  });
  it("thins evenly, with both ends", () => {
    expect(thinned(3, 10)).toEqual([0, 1, 2]);
    expect(thinned(101, 3)).toEqual([0, 50, 100]);
  });
  it("zero is known but not used", () => {
    const tracks: Tracks = new Map();
    fold(tracks, COLUMNS, series(row(0, 0, null)));
    expect(use([...tracks.values()], ["cpu"])).toEqual({ known: true, used: false });
    expect(use([...tracks.values()], ["memory"])).toEqual({ known: false, used: false });
  });
});
