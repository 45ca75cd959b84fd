/** Samples as columns: rows come by the API and by events, twice or late, and end up in order, once. */

import type { Cell, SeriesRows } from "./types";
import { isRate, type Maybe, type Unit } from "./units";

/** The samples of one attempt. `time` is in seconds since 1970; all columns are equally long. */
export interface Track {
  position: number;
  task: string;
  attempt: number;
  seq: number[];
  time: number[];
  elapsed: number[];
  /** How many readings right before each were missed. */
  missed: number[];
  values: Record<string, (number | null)[]>;
}

export type Tracks = Map<string, Track>;

export const trackKey = (position: number, attempt: number) => `${position}/${attempt}`;

const number = (cell: Cell | undefined): number | null => (typeof cell === "number" && Number.isFinite(cell) ? cell : null);

/** RFC 3339 with microseconds, as seconds since 1970. */
export function seconds(time: string): number {
  const fraction = /\.(\d+)/.exec(time)?.[1] ?? "";
  const whole = Date.parse(time.replace(/\.\d+/, "")) / 1000;
  return whole + (fraction ? Number(`0.${fraction}`) : 0);
}

/** The first index whose sequence number isn't below `seq`. */
function place(seqs: number[], seq: number): number {
  let [low, high] = [0, seqs.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((seqs[middle] as number) < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

function track(tracks: Tracks, { position, task, attempt }: SeriesRows): Track {
  const key = trackKey(position, attempt);
  const known = tracks.get(key);
  if (known) return known;
  const made: Track = { position, task, attempt, seq: [], time: [], elapsed: [], missed: [], values: {} };
  tracks.set(key, made);
  return made;
}

/** The columns that are no resource. */
const OF_ALL = ["time", "elapsed_seconds", "seq", "missed_before", "cpu_lower_bound", "is_final"];

/** Puts rows into their track. Returns how many were new. */
export function fold(tracks: Tracks, columns: string[], series: SeriesRows): number {
  const into = track(tracks, series);
  const at = (name: string) => columns.indexOf(name);
  const [time, elapsed, seq, missed] = [at("time"), at("elapsed_seconds"), at("seq"), at("missed_before")];
  const resources = columns.filter((c) => !OF_ALL.includes(c));
  for (const name of resources) into.values[name] ??= into.seq.map(() => null);
  let added = 0;
  for (const row of series.rows) {
    const n = number(row[seq]);
    const since = number(row[elapsed]);
    const when = row[time];
    if (n === null || since === null || typeof when !== "string") continue;
    const index = place(into.seq, n);
    const before = number(row[missed]) ?? 0;
    if (into.seq[index] === n) {
      // Where some were left out a row counts what was missed before those, too; a closer look tells.
      into.missed[index] = Math.min(into.missed[index] as number, before);
      continue;
    }
    into.missed.splice(index, 0, before);
    into.seq.splice(index, 0, n);
    into.time.splice(index, 0, seconds(when));
    into.elapsed.splice(index, 0, Math.max(0, since));
    for (const [name, values] of Object.entries(into.values)) {
      values.splice(index, 0, number(row[columns.indexOf(name)]));
    }
    added += 1;
  }
  return added;
}

export interface Table {
  x: number[];
  y: (number | null)[];
}

/**
 * A resource as it is drawn over `x`. A rate holds over the step before it, so the baseline gets the first step's. Where
 * readings were missed there is a point in between: there a gauge's line is broken, and a rate goes on. All resources of a
 * track have the same points.
 */
export function curve(track: Pick<Track, "missed" | "values">, resource: string, unit: Unit, x: number[]): Table {
  const values = track.values[resource] ?? new Array<null>(x.length).fill(null);
  const table: Table = { x: [], y: [] };
  x.forEach((at, i) => {
    const value = i === 0 && isRate(unit) ? (values[0] ?? values[1] ?? null) : (values[i] ?? null);
    if (i > 0 && (track.missed[i] as number) > 0) {
      table.x.push(((x[i - 1] as number) + at) / 2);
      table.y.push(isRate(unit) ? value : null);
    }
    table.x.push(at);
    table.y.push(value);
  });
  return table;
}

/** Several tables over the union of their x. Where a table has no row it is undefined, which breaks no line. */
export function align(tables: Table[]): { x: number[]; ys: (number | null | undefined)[][] } {
  const x = [...new Set(tables.flatMap((t) => t.x))].sort((a, b) => a - b);
  const index = new Map(x.map((value, i) => [value, i]));
  const ys = tables.map((table) => {
    const column = new Array<number | null | undefined>(x.length);
    table.x.forEach((value, i) => {
      column[index.get(value) as number] = table.y[i] ?? null;
    });
    return column;
  });
  return { x, ys };
}

/** One table after the other, the line between them broken. */
export function concat(tables: Table[]): Table {
  const all: Table = { x: [], y: [] };
  for (const table of tables) {
    const [first, last] = [table.x[0], all.x.at(-1)];
    if (first !== undefined && last !== undefined && first > last) {
      all.x.push((first + last) / 2);
      all.y.push(null);
    }
    all.x.push(...table.x);
    all.y.push(...table.y);
  }
  return all;
}

/** The highest value and where it stands. */
export function peak(x: number[], y: Maybe[]): { value: number; at: number } | null {
  let best: { value: number; at: number } | null = null;
  y.forEach((value, i) => {
    if (typeof value === "number" && (best === null || value > best.value)) best = { value, at: x[i] as number };
  });
  return best;
}

/** The last value that is known. */
export function latest(y: Maybe[]): number | null {
  for (let i = y.length - 1; i >= 0; i -= 1) {
    const value = y[i];
    if (typeof value === "number") return value;
  }
  return null;
}

/** The index of the known value that is nearest to `x`, at most `reach` of x away. */
export function nearest(xs: number[], y: Maybe[], from: number, reach: number): number | null {
  const here = xs[from];
  if (here === undefined) return null;
  for (let step = 0; step < xs.length; step += 1) {
    const sides = [from - step, from + step];
    for (const i of sides) if (typeof y[i] === "number" && Math.abs((xs[i] as number) - here) <= reach) return i;
    const outside = (i: number) => i < 0 || i >= xs.length || Math.abs((xs[i] as number) - here) > reach;
    if (sides.every(outside)) return null;
  }
  return null;
}

/** Whether something of it is known, and whether it is ever above zero. */
export function use(tracks: Track[], resources: string[]): { known: boolean; used: boolean } {
  const columns = tracks.flatMap((t) => resources.map((r) => t.values[r] ?? []));
  const some = (test: (v: number) => boolean) => columns.some((c) => c.some((v) => v !== null && test(v)));
  return { known: some(() => true), used: some((v) => v > 0) };
}

/** At most `count` indexes out of `length`, evenly, with the first and the last. */
export function thinned(length: number, count: number): number[] {
  if (length <= count) return Array.from({ length }, (_, i) => i);
  return Array.from({ length: count }, (_, i) => Math.round((i * (length - 1)) / (count - 1)));
}

/** The value below which `share` of the numbers lie (nearest rank). */
export function quantile(numbers: number[], share: number): number | null {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
}
