/** One order: how it stands, when its tasks ran, and what they use, as it happens. */

import { useEffect, useState } from "preact/hooks";
import { ApiError, links, order as readOrder, samples, samplesUrl } from "../api";
import { applyToOrder, over, type OrderState } from "../live";
import { Alert } from "../parts/dialog";
import { OrderChart } from "../parts/order_chart";
import { Outputs } from "../parts/outputs";
import { RunsTable, anonPeak, cpuTime } from "../parts/runs";
import { StatusPill } from "../parts/status";
import { TaskCharts } from "../parts/task_charts";
import { TerminateButton } from "../parts/terminate";
import { lasted, useNow } from "../parts/ticking";
import { Timeline } from "../parts/timeline";
import { fold, seconds, trackKey, type Tracks } from "../series";
import { useSynced } from "../synced";
import type { OrderDetail, Run } from "../types";
import { formatInstant, formatSeconds } from "../units";
import { Progress } from "./orders";

/** Per attempt; each of a bucket's minimum and maximum is kept by the server. */
const MAX_POINTS = 1500;

async function read(id: string, signal: AbortSignal): Promise<OrderState> {
  const [detail, all] = await Promise.all([
    readOrder(id, signal),
    samples(id, { max_points: MAX_POINTS }, signal).catch((error: unknown) => {
      // Whether the order is there at all is said by the other request.
      if (error instanceof ApiError && error.status === 404) return { order: id, columns: [], series: [] };
      throw error;
    }),
  ]);
  const tracks: Tracks = new Map();
  for (const series of all.series) fold(tracks, all.columns, series);
  return { detail, tracks, version: 0 };
}

/** Reads what lies in a stretch of time (seconds since 1970) and was thinned, and puts it between what is there. */
async function refine(id: string, { tracks }: OrderState, [from, to]: [number, number]): Promise<number> {
  const time = (s: number) => new Date(s * 1000).toISOString();
  const read = await samples(id, { from: time(from), to: time(to + 0.001), max_points: MAX_POINTS });
  return read.series.reduce((added, series) => added + fold(tracks, read.columns, series), 0);
}

/** Whether samples that are stored were left out when this was read. */
const wasThinned = ({ detail, tracks }: OrderState) =>
  detail.runs.some((r) => r.samples > (tracks.get(trackKey(r.position, r.attempt))?.seq.length ?? 0));

export function Order({ id, canLoad }: { id: string; canLoad: boolean }) {
  const { state, error, change } = useSynced<OrderState>((signal) => read(id, signal), applyToOrder, [id]);
  const [picked, setPicked] = useState<string | null>(null);
  const running = state ? !over(state.detail.status) : false;
  const now = useNow(running);
  useEffect(() => {
    // Of an order that is over already the run that tells most; of one that runs, what runs.
    const run = state && !running ? telling(state.detail.runs) : null;
    setPicked(run ? `${run.position}/${run.attempt}` : null);
  }, [id, state !== null]);
  if (!state) return error ? <><h1>{id}</h1><Alert text={error} /></> : <p class="muted">Reading…</p>;
  const { detail, tracks, version } = state;
  // Until somebody chooses, the charts follow the task that runs.
  const chosen = detail.runs.find((r) => `${r.position}/${r.attempt}` === picked) ?? newest(detail.runs);
  const choose = (run: Run) => setPicked(`${run.position}/${run.attempt}`);
  const closer = (range: [number, number]) => {
    if (!wasThinned(state)) return;
    // Without it the zoomed chart is coarser, not wrong.
    refine(id, state, range).then((added) => added > 0 && change((s) => ({ ...s, version: s.version + 1 })), () => {});
  };
  const start = begin(detail);
  const end = finish(state, start, now, running);
  return (
    <>
      <Head detail={detail} now={now} canLoad={canLoad} />
      <Alert text={error} />
      {detail.message && <p class={`notice ${detail.status === "failed" ? "bad" : ""}`}>{detail.message}</p>}
      {!running && !detail.storing_complete && <p class="notice">Not all samples are stored yet.</p>}
      <section class="card" aria-labelledby="timeline">
        <h2 id="timeline">Timeline</h2>
        <Timeline detail={detail} start={start} end={end} chosen={chosen} onChoose={choose} />
      </section>
      <OrderChart key={detail.order_uid} detail={detail} tracks={tracks} version={version} start={start} end={end} live={running} closer={closer} />
      {chosen && (
        <TaskCharts
          key={`${detail.order_uid} ${chosen.position}/${chosen.attempt}`}
          order={detail}
          run={chosen}
          tracks={tracks}
          version={version}
          now={now}
          onChoose={choose}
          closer={closer}
        />
      )}
      {detail.runs.length > 0 && (
        <section class="card" aria-labelledby="runs">
          <h2 id="runs">Runs</h2>
          <RunsTable runs={detail.runs} caption="Runs" now={now} chosen={chosen} onChoose={choose} />
          <Bounds runs={detail.runs} launcher={detail.launcher} />
        </section>
      )}
      <Outputs detail={detail} />
      <Downloads detail={detail} />
    </>
  );
}

/** The first that went wrong, else the longest. */
function telling(runs: Run[]): Run | null {
  const wrong = runs.find((r) => r.reason !== null && r.reason !== "completed");
  const longest = runs.reduce<Run | null>((best, r) => ((best?.duration_seconds ?? 0) < (r.duration_seconds ?? 0) ? r : best), null);
  return wrong ?? longest;
}

const newest = (runs: Run[]): Run | null => runs.find((r) => !r.ended_at) ?? runs.at(-1) ?? null;

/** The order's start, seconds since 1970: what all its times are measured from. */
function begin(detail: OrderDetail): number {
  const first = detail.started_at ?? detail.runs.find((r) => r.started_at)?.started_at ?? detail.created_at;
  return seconds(first);
}

/** How long it has lasted. The clock here ticks once a second, samples may be newer. */
function finish({ detail, tracks }: OrderState, start: number, now: number, running: boolean): number {
  if (running) return Math.max(now, ...[...tracks.values()].map((t) => t.time.at(-1) ?? 0)) - start;
  const ends = [detail.ended_at, ...detail.runs.map((r) => r.ended_at)].filter((t): t is string => t !== null);
  return ends.length > 0 ? Math.max(...ends.map(seconds)) - start : 0;
}

function Head({ detail, now, canLoad }: { detail: OrderDetail; now: number; canLoad: boolean }) {
  const running = !over(detail.status);
  const time = running ? lasted(detail.started_at, null, now) : (detail.duration_seconds ?? lasted(detail.started_at, detail.ended_at, now));
  return (
    <header class="head">
      <div class="title">
        <h1>{detail.id}</h1>
        <StatusPill status={detail.status} />
        {running && canLoad && <TerminateButton id={detail.id} />}
      </div>
      <dl class="totals">
        <div><dt>Progress</dt><dd><Progress order={detail} /></dd></div>
        <div><dt>Time</dt><dd>{formatSeconds(time)}</dd></div>
        <div><dt>CPU time</dt><dd>{cpuTime(detail)}</dd></div>
        <div><dt>Peak anonymous memory</dt><dd>{anonPeak(detail)}</dd></div>
        <div><dt>Started</dt><dd>{formatInstant(detail.started_at)}</dd></div>
      </dl>
    </header>
  );
}

function Bounds({ runs, launcher }: { runs: Run[]; launcher: string | null }) {
  const bound = runs.some((r) => r.cpu_lower_bound || (r.memory_anon_peak_bytes !== null && !r.memory_anon_peak_exact));
  const limited = launcher === "local" && runs.some((r) => r.limit_cpu !== null || r.limit_memory_bytes !== null);
  return (
    <p class="muted">
      {bound && ">= marks a lower bound. "}
      {limited && "Limits are recorded, not enforced on this machine."}
    </p>
  );
}

function Downloads({ detail }: { detail: OrderDetail }) {
  const { id } = detail;
  return (
    <section class="card" aria-labelledby="downloads">
      <h2 id="downloads">Take along</h2>
      <ul class="downloads">
        {over(detail.status) && detail.runs.length > 0 && <li><a href={links.report(id)}>Report</a></li>}
        {detail.runs.length > 0 && <li><a href={links.chart(id, "svg")}>Chart, SVG</a></li>}
        {detail.runs.length > 0 && <li><a href={links.chart(id, "png")}>Chart, PNG</a></li>}
        <li><a href={samplesUrl(id, { format: "csv" })} download={`${id}.csv`}>Samples, CSV</a></li>
        <li><a href={samplesUrl(id, { format: "parquet" })} download={`${id}.parquet`}>Samples, Parquet</a></li>
      </ul>
      <details>
        <summary>The order as it was loaded</summary>
        <pre tabIndex={0}>{JSON.stringify(detail.definition, null, 2)}</pre>
      </details>
    </section>
  );
}
