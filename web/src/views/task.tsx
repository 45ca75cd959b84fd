/** One task over all orders: its newest runs over each other, and how their numbers lie. */

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { samples, taskRuns } from "../api";
import { applyToTaskRuns } from "../live";
import { curveColour, strongColour } from "../palette";
import { choice, PANELS, resourceTitle } from "../panels";
import { Chart } from "../parts/chart";
import { Alert } from "../parts/dialog";
import { granted } from "../parts/order_chart";
import type { ChartSeries, Reference } from "../parts/plot";
import { RunsTable, runKey } from "../parts/runs";
import { Segments } from "../parts/segments";
import { Strip, type Dot } from "../parts/strip";
import { useNow } from "../parts/ticking";
import { feed } from "../feed";
import { align, curve, fold, quantile, trackKey, type Track, type Tracks } from "../series";
import { useSynced } from "../synced";
import { useTheme } from "../theme";
import type { Run, TaskRun } from "../types";
import { format, formatSeconds } from "../units";

const POINTS = 400;
/** Requests at a time: enough to be quick, few enough to leave others their turn. */
const AT_ONCE = 4;
/** Over all orders, for the distributions and the table. */
const RUNS = 200;

/** The samples of these runs, read as they are needed and kept current while they run. */
function useCurves(task: string, runs: TaskRun[]): { tracks: Map<string, Track>; version: number; error: string | null } {
  const held = useRef(new Map<string, Track>());
  const [version, setVersion] = useState(0);
  const [error, setError] = useState<string | null>(null);
  const wanted = runs.map(runKey).join();
  useEffect(() => {
    const stop = new AbortController();
    const missing = runs.filter((r) => !held.current.has(runKey(r)));
    const one = async (): Promise<void> => {
      const run = missing.shift();
      if (!run) return;
      const { order, position, attempt } = run;
      const read = await samples(order, { task, position, attempt, max_points: POINTS }, stop.signal);
      const tracks: Tracks = new Map();
      for (const series of read.series) fold(tracks, read.columns, series);
      const track = tracks.get(trackKey(position, attempt));
      if (track) held.current.set(runKey(run), track);
      setVersion((n) => n + 1);
      await one();
    };
    const failed = (reason: unknown) => {
      if (!stop.signal.aborted) setError(reason instanceof Error ? reason.message : String(reason));
    };
    for (let i = 0; i < AT_ONCE; i += 1) one().catch(failed);
    return () => stop.abort();
  }, [task, wanted]);
  useEffect(
    () =>
      feed.subscribe({
        anew: () => held.current.clear(),
        event: (event) => {
          if (event.type !== "samples" || event.series.task !== task) return;
          const { position, attempt } = event.series;
          const track = held.current.get(`${event.order} ${position}/${attempt}`);
          if (!track) return;
          fold(new Map([[trackKey(position, attempt), track]]), event.columns, event.series);
          setVersion((n) => n + 1);
        },
      }),
    [task],
  );
  return { tracks: held.current, version, error };
}

export function Task({ task }: { task: string }) {
  const { state: runs, error } = useSynced<TaskRun[]>(
    async (signal) => (await taskRuns(task, RUNS, signal)).runs,
    (all, event) => applyToTaskRuns(all, event, task),
    [task],
  );
  const [pointed, setPointed] = useState<string | null>(null);
  const now = useNow(runs?.some((r) => !r.ended_at) ?? false);
  return (
    <>
      <h1>{task}</h1>
      <p class="muted">over all orders</p>
      <Alert text={error} />
      {!runs && !error && <p class="muted">Reading…</p>}
      {runs?.length === 0 && <div class="empty"><p>This task has not run yet.</p></div>}
      {runs && runs.length > 0 && (
        <>
          <Curves task={task} runs={runs} pointed={pointed} />
          <Distributions runs={runs} pointed={pointed} />
          <section class="card" aria-labelledby="runs">
            <h2 id="runs">Runs</h2>
            <RunsTable runs={runs} caption="Runs, newest first" now={now} onPoint={(r) => setPointed(r ? runKey(r) : null)} />
          </section>
        </>
      )}
    </>
  );
}

function Curves({ task, runs, pointed }: { task: string; runs: TaskRun[]; pointed: string | null }) {
  const theme = useTheme();
  const [count, setCount] = useState("10");
  const [resource, setResource] = useState("cpu");
  const [zoom, setZoom] = useState<[number, number] | null>(null);
  const some = useMemo(() => runs.slice(0, Number(count)), [runs, count]);
  const { tracks, version, error } = useCurves(task, some);
  const picked = choice(resource);
  const { panel } = picked;
  const { x, series, names } = useMemo(() => {
    const known = some.flatMap((run, i) => {
      const track = tracks.get(runKey(run));
      return track ? [{ run, track, i }] : [];
    });
    const { x, ys } = align(known.map(({ track }) => curve(track, resource, panel.unit, track.elapsed)));
    const series = known.map(({ run, i }, at): ChartSeries => {
      const strong = pointed === runKey(run);
      return {
        name: run.attempt > 1 ? `${run.order}, attempt ${run.attempt}` : run.order,
        colour: strong ? strongColour(theme) : curveColour(i, some.length, theme),
        width: strong ? 3 : 1.5,
        values: ys[at] ?? [],
      };
    });
    return { x, series, names: series.map((s) => s.name) };
  }, [some, tracks, version, resource, theme, pointed]);
  const newestRun = some[0];
  const references: Reference[] = newestRun ? granted(panel, newestRun) : [];
  const say = (index: number, values: (number | null)[]) => {
    const there = values.filter((v): v is number => v !== null);
    const at = `at ${formatSeconds(x[index])}`;
    if (there.length === 0) return `${at}: nothing known`;
    const strongest = values.indexOf(Math.max(...there));
    const range = `${format(panel.unit, Math.min(...there))} to ${format(panel.unit, Math.max(...there))}`;
    return there.length === 1
      ? `${at}: ${names[strongest]} ${format(panel.unit, there[0])}`
      : `${there.length} runs: ${range}, median ${format(panel.unit, quantile(there, 0.5))}, highest ${names[strongest]}`;
  };
  return (
    <section class="card" aria-labelledby="curves">
      <h2 id="curves">Since the start</h2>
      <div class="bar-of-controls">
        <Segments
          legend="Resource"
          options={PANELS.map((p) => ({ value: p.id, text: p.title }))}
          value={panel.id}
          onChange={(id) => setResource(PANELS.find((p) => p.id === id)?.lines[0]?.resource ?? "cpu")}
        />
        {panel.lines.length > 1 && (
          <Segments
            legend={`Part of ${panel.title}`}
            options={panel.lines.map((l) => ({ value: l.resource, text: l.name }))}
            value={resource}
            onChange={setResource}
          />
        )}
        <Segments
          legend="How many runs"
          options={["5", "10", "20", "50"].map((value) => ({ value, text: `newest ${value}` }))}
          value={count}
          onChange={setCount}
        />
      </div>
      <Alert text={error} />
      <Chart
        title={resourceTitle(picked)}
        of={`of task ${task}, ${series.length} runs`}
        unit={panel.unit}
        x={x}
        series={series}
        references={references}
        end={Math.max(0, x.at(-1) ?? 0)}
        zoom={zoom}
        onZoom={setZoom}
        syncKey={`curves ${task}`}
        height={320}
        live={false}
        sparse
        legend={<Fading count={series.length} />}
        say={say}
      />
    </section>
  );
}

/** The legend of curves of one kind: from the newest to the oldest. */
function Fading({ count }: { count: number }) {
  const theme = useTheme();
  return (
    <li>
      {[0, Math.floor((count - 1) / 2), count - 1].filter((i, at, all) => i >= 0 && all.indexOf(i) === at).map((i) => (
        <span key={i} class="swatch" style={{ backgroundColor: curveColour(i, count, theme) }} />
      ))}
      {count === 1 ? "1 run" : `${count} runs, newest to oldest`}
    </li>
  );
}

/** Dots of the runs of which the number is known and that ended well, or of all if none did. */
function dots(runs: TaskRun[], value: (run: Run) => number | null): Dot[] {
  return runs.flatMap((run) => {
    const known = run.ended_at === null ? null : value(run);
    return known === null ? [] : [{ key: runKey(run), value: known, label: run.order }];
  });
}

function Distributions({ runs, pointed }: { runs: TaskRun[]; pointed: string | null }) {
  const given = runs[0];
  const some = [
    { title: "Peak anonymous memory", unit: "bytes", value: (r: Run) => r.memory_anon_peak_bytes, request: given?.requested_memory_bytes, limit: given?.limit_memory_bytes },
    { title: "CPU, 95 % of the time at most", unit: "cores", value: (r: Run) => r.cpu_p95, request: given?.requested_cpu, limit: given?.limit_cpu },
    { title: "Time", unit: "s", value: (r: Run) => r.duration_seconds },
    { title: "CPU time", unit: "s", value: (r: Run) => r.cpu_seconds },
  ] as const;
  const bounds = runs.filter((r) => r.memory_anon_peak_bytes !== null && !r.memory_anon_peak_exact).length;
  return (
    <section class="card" aria-labelledby="distributions">
      <h2 id="distributions">Requested against used</h2>
      <div class="grid-of-charts">
        {some.map((s) => (
          <Strip
            key={s.title}
            title={s.title}
            unit={s.unit}
            dots={dots(runs, s.value)}
            request={"request" in s ? (s.request ?? null) : null}
            limit={"limit" in s ? (s.limit ?? null) : null}
            pointed={pointed}
          />
        ))}
      </div>
      <p class="muted">
        One dot per ended run; the line is the median. Requests (dotted) and limits (dashed) are those of the newest run.
        {bounds > 0 && ` Of ${bounds} of the peaks only a lower bound is known.`}
      </p>
    </section>
  );
}
