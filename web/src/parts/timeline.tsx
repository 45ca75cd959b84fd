/** When each attempt of an order ran: one row per task, retries beside each other. */

import { textOn, taskColour, taskRgb } from "../palette";
import { seconds } from "../series";
import type { OrderDetail, Run } from "../types";
import { axisSeconds, formatSeconds, TIME_INCREMENTS } from "../units";
import { result, tone } from "./status";
import { lasted } from "./ticking";

interface Props {
  detail: OrderDetail;
  start: number;
  end: number;
  chosen: Run | null;
  onChoose(run: Run): void;
}

/** The tasks in order: those of the plan, and those that ran without one. */
export function rows(detail: OrderDetail): { position: number; task: string; runs: Run[] }[] {
  const tasks = new Map(detail.plan.map((p) => [p.position, p.task]));
  for (const run of detail.runs) tasks.set(run.position, run.task);
  return [...tasks]
    .sort(([a], [b]) => a - b)
    .map(([position, task]) => ({ position, task, runs: detail.runs.filter((r) => r.position === position) }));
}

/** Round times from 0 on, six at most, the last one not so near to the end that they would touch. */
export function ticks(span: number): number[] {
  const step = TIME_INCREMENTS.find((s) => span / s <= 5) ?? span;
  return Array.from({ length: Math.floor(span / step) + 1 }, (_, i) => i * step);
}

export function Timeline({ detail, start, end, chosen, onChoose }: Props) {
  const span = Math.max(end, 0.001);
  const percent = (s: number) => `${Math.min(100, Math.max(0, (s / span) * 100))}%`;
  return (
    <div class="timeline" role="group" aria-label="Timeline of attempts">
      {rows(detail).map(({ position, task, runs }) => (
        <div class="lane" key={position}>
          <span class="task">{task}</span>
          <div class="track">
            {ticks(span).map((t) => <i key={t} style={{ left: percent(t) }} />)}
            {runs.map((run) => {
              if (!run.started_at) return null;
              const from = seconds(run.started_at) - start;
              const to = run.ended_at ? seconds(run.ended_at) - start : Math.max(from, end);
              const bad = tone(run) === "bad" || tone(run) === "warning";
              return (
                <button
                  type="button"
                  key={run.attempt}
                  class={`bar ${tone(run)} ${chosen === run ? "chosen" : ""}`}
                  aria-pressed={chosen === run}
                  aria-label={`${task}, attempt ${run.attempt}: ${result(run)}, from ${formatSeconds(from)}, ${formatSeconds(to - from)} long`}
                  title={`${result(run)}, ${formatSeconds(to - from)}`}
                  onClick={() => onChoose(run)}
                  style={{
                    left: percent(from),
                    width: percent(to - from),
                    backgroundColor: taskColour(position),
                    color: textOn(taskRgb(position)),
                  }}
                >
                  {bad && <span>{result(run)}</span>}
                </button>
              );
            })}
          </div>
          <span class="took">{lane(runs, start + end)}</span>
        </div>
      ))}
      <div class="lane ticks" aria-hidden="true">
        <span />
        <div class="track">
          {ticks(span).map((t) => (
            <span key={t} style={{ left: percent(t) }}>{axisSeconds(t, span)}</span>
          ))}
        </div>
        <span />
      </div>
    </div>
  );
}

/** What stands right of a lane: the last attempt's time, and how many there were. */
function lane(runs: Run[], now: number): string {
  const last = runs.at(-1);
  if (!last?.started_at) return "waits";
  const took = last.duration_seconds ?? lasted(last.started_at, last.ended_at, now);
  return `${formatSeconds(took)}${runs.length > 1 ? `, try ${last.attempt}` : ""}`;
}
