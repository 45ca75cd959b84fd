/** A chart's options for uPlot, its reference lines, and its reading. */

import uPlot from "uplot";
import { css, GRID, limitColour, MUTED, requestColour, type Theme } from "../palette";
import { nearest } from "../series";
import { axisSeconds, axisValue, increments, isRate, TIME_INCREMENTS, type Unit } from "../units";

export interface ChartSeries {
  name: string;
  colour: string;
  /** What the reading says. */
  values: (number | null | undefined)[];
  /** What is drawn, if that is something else: the upper edge of a stacked area. */
  edge?: (number | null | undefined)[];
  fill?: string;
  width?: number;
  /** Its place in the legend, if not that in which it is drawn. */
  rank?: number;
}

/** A line for what was requested or allowed. */
export interface Reference {
  kind: "request" | "limit";
  value: number;
  /** Where it holds, seconds; everywhere if not given. */
  from?: number;
  to?: number;
}

export interface Plotted {
  unit: Unit;
  x: number[];
  series: ChartSeries[];
  references: Reference[];
  /** The whole range of x, unless zoomed. */
  end: number;
  zoom: [number, number] | null;
  theme: Theme;
  syncKey: string;
}

/** A reference line further up than this many times the data would squash the data. */
const FAR = 4;
const HEADROOM = 1.15;
const FONT = "12px system-ui, -apple-system, 'Segoe UI', Ubuntu, sans-serif";

/** The references that are near enough to the data to be drawn. */
export function near(references: Reference[], high: number): Reference[] {
  return references.filter((r) => high <= 0 || r.value <= high * FAR);
}

/** The range of values: from zero to above the highest value and each reference that is near. */
export function valueRange(high: number, references: Reference[], unit: Unit): [number, number] {
  const top = Math.max(0, ...near(references, high).map((r) => r.value));
  const least = unit === "count" ? 4 : unit === "bytes" || unit === "bytes/s" ? 4096 : 0.01;
  return [0, Math.max(high * HEADROOM, top * 1.06, least)];
}

function drawReferences(u: uPlot, plotted: Plotted) {
  const { ctx, bbox } = u;
  const { min = 0, max = 0 } = u.scales["y"] ?? {};
  const x = (value: number) => Math.max(bbox.left, Math.min(bbox.left + bbox.width, u.valToPos(value, "x", true)));
  ctx.save();
  ctx.lineWidth = 1.5 * uPlot.pxRatio;
  for (const { kind, value, from, to } of plotted.references) {
    if (value < min || value > max) continue;
    const [left, right] = [from === undefined ? bbox.left : x(from), to === undefined ? bbox.left + bbox.width : x(to)];
    if (right - left < 1) continue;
    const y = Math.round(u.valToPos(value, "y", true));
    ctx.strokeStyle = kind === "limit" ? limitColour(plotted.theme) : requestColour(plotted.theme);
    ctx.setLineDash((kind === "limit" ? [7, 4] : [2, 3]).map((n) => n * uPlot.pxRatio));
    ctx.beginPath();
    ctx.moveTo(left, y);
    ctx.lineTo(right, y);
    ctx.stroke();
  }
  ctx.restore();
}

function axes(now: () => Plotted): uPlot.Axis[] {
  const { theme, unit } = now();
  const look = {
    stroke: css(MUTED[theme]),
    font: FONT,
    grid: { stroke: css(GRID[theme]), width: 1 },
    ticks: { show: false },
  };
  const xEnd = (u: uPlot) => u.scales["x"]?.max ?? 0;
  return [
    {
      ...look,
      size: 26,
      gap: 6,
      space: 64,
      incrs: TIME_INCREMENTS,
      values: (u, splits) => splits.map((v) => axisSeconds(v, xEnd(u))),
    },
    {
      ...look,
      size: 72,
      gap: 6,
      space: 34,
      incrs: increments(unit),
      values: (_, splits) => splits.map((v) => axisValue(unit, v)),
    },
  ];
}

/** Dots are for what has too few values to be seen as a line. */
function lonely(u: uPlot, index: number): boolean {
  let known = 0;
  for (const value of u.data[index] ?? []) if (typeof value === "number" && (known += 1) > 2) return false;
  return true;
}

function series(plotted: Plotted): uPlot.Series[] {
  const { stepped, linear } = uPlot.paths;
  const path = isRate(plotted.unit) ? stepped?.({ align: -1 }) : linear?.();
  const lines = plotted.series.map((s): uPlot.Series => {
    const line: uPlot.Series = { label: s.name, stroke: s.colour, width: s.width ?? 1.75, points: { show: lonely, size: 6 } };
    if (path) line.paths = path;
    if (s.fill) line.fill = s.fill;
    return line;
  });
  return [{}, ...lines];
}

export interface Hooks {
  /** The cursor stands at this index of x, or nowhere. */
  cursor(u: uPlot, index: number | null): void;
  zoom(range: [number, number] | null): void;
}

/** uPlot's options. What changes from second to second is asked of `now`. */
export function options(now: () => Plotted, hooks: Hooks, width: number, height: number): uPlot.Options {
  const plotted = now();
  return {
    width,
    height,
    padding: [10, 12, 0, 0],
    legend: { show: false },
    scales: {
      x: { time: false, range: () => now().zoom ?? [0, Math.max(now().end, 0.01)] },
      y: { range: (_u, _low, high) => valueRange(high ?? 0, now().references, now().unit) },
    },
    axes: axes(now),
    series: series(plotted),
    cursor: {
      y: false,
      points: { size: 7 },
      // No dot for what is far from the cross-hair.
      hover: { prox: 40 },
      drag: { x: true, y: false, setScale: false, dist: 5 },
      sync: { key: plotted.syncKey, setSeries: false },
      bind: {
        dblclick: () => () => {
          hooks.zoom(null);
          return null;
        },
      },
    },
    hooks: {
      draw: [(u) => drawReferences(u, now())],
      setCursor: [(u) => hooks.cursor(u, u.cursor.left !== undefined && u.cursor.left >= 0 ? (u.cursor.idx ?? null) : null)],
      setSelect: [
        (u) => {
          const { left, width: selected } = u.select;
          if (selected < 5) return;
          const range: [number, number] = [Math.max(0, u.posToVal(left, "x")), u.posToVal(left + selected, "x")];
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          hooks.zoom(range);
        },
      ],
    },
  };
}

export const data = ({ x, series: all }: Plotted): uPlot.AlignedData =>
  [x, ...all.map((s) => s.edge ?? s.values)] as uPlot.AlignedData;

/** What each series has at the place; null where it has nothing near. */
export function reading(plotted: Plotted, index: number): (number | null)[] {
  const [from, to] = plotted.zoom ?? [0, plotted.end];
  const reach = (to - from) / 50;
  return plotted.series.map(({ values }) => {
    const at = nearest(plotted.x, values, index, reach);
    return at === null ? null : (values[at] ?? null);
  });
}
