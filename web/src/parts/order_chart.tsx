/** One resource of an order over wall time, each task in its colour. */

import { useMemo, useState } from "preact/hooks";
import { taskArea, taskLine } from "../palette";
import { choice, PANELS, resourceTitle, type Panel } from "../panels";
import { align, concat, curve, seconds, trackKey, use, type Track, type Tracks } from "../series";
import { useTheme } from "../theme";
import type { OrderDetail, PlanTask, Run } from "../types";
import { Chart } from "./chart";
import type { ChartSeries, Reference } from "./plot";
import { Segments } from "./segments";

interface Props {
  detail: OrderDetail;
  tracks: Tracks;
  version: number;
  start: number;
  end: number;
  live: boolean;
  /** A stretch of time is looked at closely, seconds since 1970. */
  closer(range: [number, number]): void;
}

/** The panels that have something to show. */
export function shown(tracks: Track[]): Panel[] {
  return PANELS.filter((panel) => {
    const { known, used } = use(tracks, panel.lines.map((l) => l.resource));
    return panel.onlyIfUsed ? used : known || panel.granted !== undefined;
  });
}

/** What was requested and allowed of the panel's resource. */
export function granted(panel: Panel, given: Run | PlanTask): Reference[] {
  if (!panel.granted) return [];
  const cpu = panel.granted === "cpu";
  const request = cpu ? given.requested_cpu : given.requested_memory_bytes;
  const limit = cpu ? given.limit_cpu : given.limit_memory_bytes;
  const line = (kind: Reference["kind"], value: number | null): Reference[] => (value ? [{ kind, value }] : []);
  return [...line("request", request), ...line("limit", limit)];
}

function references(panel: Panel, { runs }: OrderDetail, start: number, end: number): Reference[] {
  return runs.flatMap((run) => {
    if (!run.started_at) return [];
    const from = seconds(run.started_at) - start;
    const to = run.ended_at ? seconds(run.ended_at) - start : end;
    return granted(panel, run).map((r) => ({ ...r, from, to }));
  });
}

/** A task's attempts one after the other, from the order's start. */
function tables(tracks: Track[], resource: string, unit: Panel["unit"], start: number) {
  const since = (t: Track) => t.time.map((time) => Math.max(0, time - start));
  return concat(tracks.map((t) => curve(t, resource, unit, since(t))));
}

export function OrderChart({ detail, tracks, version, start, end, live, closer }: Props) {
  const theme = useTheme();
  const [resource, setResource] = useState("cpu");
  const [zoom, setZoom] = useState<[number, number] | null>(null);
  const { panel, line } = choice(resource);
  const all = [...tracks.values()];
  const panels = shown(all);

  const positions = useMemo(() => {
    const names = new Map(detail.plan.map((p) => [p.position, p.task]));
    for (const run of detail.runs) names.set(run.position, run.task);
    return [...names].sort(([a], [b]) => a - b);
  }, [detail.plan, detail.runs]);
  const twice = (task: string) => positions.filter(([, name]) => name === task).length > 1;

  const { x, series } = useMemo(() => {
    const byTask = positions.map(([position]) =>
      tables(
        [...tracks.values()].filter((t) => t.position === position).sort((a, b) => a.attempt - b.attempt),
        resource,
        panel.unit,
        start,
      ),
    );
    const { x, ys } = align(byTask);
    const series = positions.map(([position, task], i): ChartSeries => ({
      name: twice(task) ? `${position}. ${task}` : task,
      colour: taskLine(position, theme),
      fill: taskArea(position),
      values: ys[i] ?? [],
    }));
    return { x, series };
  }, [tracks, version, positions, resource, start, theme]);

  return (
    <section class="card" aria-labelledby="order-chart">
      <h2 id="order-chart">Over the order</h2>
      <div class="bar-of-controls">
        <Segments
          legend="Resource"
          options={panels.map((p) => ({ value: p.id, text: p.title }))}
          value={panel.id}
          onChange={(id) => setResource((PANELS.find((p) => p.id === id) ?? panel).lines[0]?.resource ?? "cpu")}
        />
        {panel.lines.length > 1 && (
          <Segments
            legend={`Part of ${panel.title}`}
            options={panel.lines.map((l) => ({ value: l.resource, text: l.name }))}
            value={line.resource}
            onChange={setResource}
          />
        )}
      </div>
      <Chart
        title={resourceTitle({ panel, line })}
        of={`of order ${detail.id}`}
        unit={panel.unit}
        x={x}
        series={series}
        references={references(panel, detail, start, end)}
        end={end}
        zoom={zoom}
        onZoom={(range) => {
          setZoom(range);
          if (range) closer([start + range[0], start + range[1]]);
        }}
        syncKey={`order ${detail.order_uid}`}
        height={300}
        live={live}
        sparse
      />
    </section>
  );
}

export const trackOf = (tracks: Tracks, run: Run) => tracks.get(trackKey(run.position, run.attempt));
