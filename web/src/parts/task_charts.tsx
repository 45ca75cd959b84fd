/** All resources of one attempt by the time since its start; the cross-hair goes through all charts. */

import { useState } from "preact/hooks";
import { links, samplesUrl } from "../api";
import { areaColour, lineColour, taskColour, type Theme } from "../palette";
import type { Panel } from "../panels";
import { href } from "../route";
import { curve, seconds, type Track, type Tracks } from "../series";
import { useTheme } from "../theme";
import type { OrderDetail, Run } from "../types";
import { formatCount, formatSeconds } from "../units";
import { Chart } from "./chart";
import { granted, shown, trackOf } from "./order_chart";
import type { ChartSeries } from "./plot";
import { ResultPill } from "./status";
import { lasted } from "./ticking";

interface Props {
  order: OrderDetail;
  run: Run;
  tracks: Tracks;
  version: number;
  now: number;
  onChoose(run: Run): void;
  /** A stretch of time is looked at closely, seconds since 1970. */
  closer(range: [number, number]): void;
}

const EMPTY = (run: Run): Track => ({ position: run.position, task: run.task, attempt: run.attempt, seq: [], time: [], elapsed: [], missed: [], values: {} });

/** The lines of a panel. Stacked areas come first, the highest first, so that each covers what it doesn't count. */
export function lines(panel: Panel, track: Track, theme: Theme): ChartSeries[] {
  const values = (resource: string) => curve(track, resource, panel.unit, track.elapsed).y;
  const plain = panel.lines.filter((l) => !l.stacked);
  const stacked = panel.lines.filter((l) => l.stacked);
  let below: (number | null)[] | null = null;
  const areas = stacked.map((l, i): ChartSeries => {
    const own = values(l.resource);
    const edge: (number | null)[] = own.map((v, at) => (v === null ? null : v + (below?.[at] ?? 0)));
    below = edge;
    const fill = areaColour(i, theme);
    return { name: l.name, colour: fill, fill, values: own, edge, width: 0, rank: plain.length + i };
  });
  const strokes = plain.map((l, i): ChartSeries => ({ name: l.name, colour: lineColour(i, theme), values: values(l.resource), rank: i }));
  return [...areas.reverse(), ...strokes].filter((s) => s.values.some((v) => v !== null));
}

export function TaskCharts({ order, run, tracks, now, onChoose, closer }: Props) {
  const theme = useTheme();
  const [zoom, setZoom] = useState<[number, number] | null>(null);
  const track = trackOf(tracks, run) ?? EMPTY(run);
  const running = !run.ended_at;
  const end = Math.max(track.elapsed.at(-1) ?? 0, run.duration_seconds ?? 0, running ? (lasted(run.started_at, null, now) ?? 0) : 0);
  const look = (range: [number, number] | null) => {
    setZoom(range);
    const start = run.started_at ? seconds(run.started_at) : null;
    if (range && start !== null) closer([start + range[0], start + range[1]]);
  };
  const panels = track.time.length > 0 ? shown([track]) : [];
  const others = order.runs.length > 1;
  return (
    <section class="card" aria-labelledby="task-charts">
      <div class="title">
        <h2 id="task-charts">
          <span class="swatch" style={{ backgroundColor: taskColour(run.position) }} /> {run.task}
          {run.attempt > 1 && <span class="muted"> attempt {run.attempt}</span>}
        </h2>
        <ResultPill run={run} />
        {others && (
          <select
            aria-label="Which attempt"
            value={`${run.position}/${run.attempt}`}
            onChange={(e) => {
              const to = order.runs.find((r) => `${r.position}/${r.attempt}` === e.currentTarget.value);
              if (to) onChoose(to);
            }}
          >
            {order.runs.map((r) => (
              <option key={`${r.position}/${r.attempt}`} value={`${r.position}/${r.attempt}`}>
                {r.position}. {r.task}, attempt {r.attempt}
              </option>
            ))}
          </select>
        )}
      </div>
      {run.message && <p class="notice">{run.message}</p>}
      {panels.length === 0 && <p class="muted">No sample is stored yet.</p>}
      <div class="grid-of-charts">
        {panels.map((panel) => (
          <Chart
            key={panel.id}
            title={panel.title}
            of={`of task ${run.task}, attempt ${run.attempt}`}
            unit={panel.unit}
            x={curve(track, "", panel.unit, track.elapsed).x}
            series={lines(panel, track, theme)}
            references={granted(panel, run)}
            end={end}
            zoom={zoom}
            onZoom={look}
            syncKey={`task ${order.order_uid} ${run.position}/${run.attempt}`}
            height={190}
            live={running}
          />
        ))}
      </div>
      <p class="facts muted">
        {run.source && `Read from ${run.source.replaceAll("_", " ")}`}
        {run.period_seconds !== null && `, every ${formatSeconds(run.period_seconds)}`}
        {`, ${formatCount(run.samples || track.time.length)} samples`}
        {run.machine?.hostname && ` on ${run.machine.hostname}`}
        {". "}
        <a href={href.task(run.task)}>{run.task} over all orders</a>
        {" · "}
        <a href={links.task(order.id, run, "svg")}>SVG</a>
        {" · "}
        <a href={links.task(order.id, run, "png")}>PNG</a>
        {" · "}
        <a href={samplesUrl(order.id, { position: run.position, attempt: run.attempt, format: "csv" })} download={`${order.id}-${run.task}.csv`}>CSV</a>
      </p>
    </section>
  );
}
