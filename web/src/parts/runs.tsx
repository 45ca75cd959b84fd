/** The table of runs. What isn't known is "–"; what is only a lower bound begins with ">=". */

import type { ComponentChildren } from "preact";
import { href } from "../route";
import type { Run, TaskRun } from "../types";
import { bounded, formatBytes, formatCount, formatInstant, formatSeconds } from "../units";
import { ResultPill } from "./status";
import { lasted } from "./ticking";

/** What runs and orders have in common. */
type Used = Pick<Run, "cpu_seconds" | "cpu_lower_bound" | "memory_anon_peak_bytes" | "memory_anon_peak_exact">;

export const cpuTime = (run: Used) => bounded(formatSeconds(run.cpu_seconds), run.cpu_lower_bound);
export const anonPeak = (run: Used) => bounded(formatBytes(run.memory_anon_peak_bytes), !run.memory_anon_peak_exact);

function monitor(run: Run): string {
  return formatSeconds(run.monitor_cpu_seconds);
}

function Censored({ run }: { run: Run }) {
  if (!run.censored) return null;
  return <span class="pill warning" title="Nobody saw its end: totals are those of the last sample">censored</span>;
}

interface Props<R extends Run> {
  runs: R[];
  caption: string;
  now: number;
  chosen?: R | null;
  onChoose?(run: R): void;
  onPoint?(run: R | null): void;
}

const isTaskRun = (run: Run): run is TaskRun => "order" in run;
export const runKey = (run: Run) => `${isTaskRun(run) ? run.order : ""} ${run.position}/${run.attempt}`;

/** Where the run belongs: its task in an order, or its order. */
function Name<R extends Run>({ run, onChoose, pressed }: { run: R; onChoose?: ((run: R) => void) | undefined; pressed: boolean }) {
  const text: ComponentChildren = isTaskRun(run) ? <a href={href.order(run.order)}>{run.order}</a> : run.task;
  if (!onChoose) return text;
  if (!isTaskRun(run))
    return <button type="button" class="link" aria-pressed={pressed} onClick={() => onChoose(run)}>{run.task}</button>;
  return text;
}

export function RunsTable<R extends Run>({ runs, caption, now, chosen, onChoose, onPoint }: Props<R>) {
  const overOrders = runs.some(isTaskRun);
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={caption}>
      <table class="runs">
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            <th scope="col">{overOrders ? "Order" : "Task"}</th>
            <th scope="col" class="number">Try</th>
            <th scope="col">Result</th>
            {overOrders && <th scope="col">Started</th>}
            <th scope="col" class="number">Time</th>
            <th scope="col" class="number">CPU time</th>
            <th scope="col" class="number">Peak anon.</th>
            <th scope="col" class="number">Peak</th>
            <th scope="col" class="number">Disk read</th>
            <th scope="col" class="number">Written</th>
            <th scope="col" class="number">Samples</th>
            <th scope="col" class="number" title="Processor time of the runner that measures">Monitor</th>
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <tr
              key={runKey(run)}
              class={chosen === run ? "chosen" : ""}
              onMouseEnter={() => onPoint?.(run)}
              onMouseLeave={() => onPoint?.(null)}
              onFocusCapture={() => onPoint?.(run)}
              onBlurCapture={() => onPoint?.(null)}
            >
              <th scope="row"><Name run={run} onChoose={onChoose} pressed={chosen === run} /></th>
              <td class="number">{run.attempt}</td>
              <td><ResultPill run={run} /> <Censored run={run} /></td>
              {overOrders && <td>{formatInstant(run.started_at)}</td>}
              <td class="number">{formatSeconds(run.duration_seconds ?? lasted(run.started_at, run.ended_at, now))}</td>
              <td class="number">{cpuTime(run)}</td>
              <td class="number">{anonPeak(run)}</td>
              <td class="number">{formatBytes(run.memory_peak_bytes)}</td>
              <td class="number">{formatBytes(run.disk_read_bytes)}</td>
              <td class="number">{formatBytes(run.disk_write_bytes)}</td>
              <td class="number">
                {formatCount(run.samples)}
                {run.missed_samples > 0 && <span class="muted"> ({formatCount(run.missed_samples)} missed)</span>}
              </td>
              <td class="number">{monitor(run)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
