/** How something stands, in a word and a colour. */

import type { Run, Status } from "../types";

const TONES: Record<Status, string> = {
  queued: "",
  running: "live",
  succeeded: "good",
  failed: "bad",
  terminated: "warning",
};

export const StatusPill = ({ status }: { status: Status }) => <span class={`pill ${TONES[status] ?? ""}`}>{status}</span>;

/** How a run ended: "completed", "exit code 3", "signal 9", "oom killed". */
export function result(run: Run): string {
  if (!run.reason) return run.ended_at ? "ended" : "running";
  if (run.reason === "error" && run.exit_code !== null) return `exit code ${run.exit_code}`;
  if (run.reason === "signal" && run.signal !== null) return `signal ${run.signal}`;
  return run.reason.replaceAll("_", " ");
}

export function tone(run: Run): "good" | "bad" | "warning" | "live" {
  if (!run.reason) return run.ended_at ? "warning" : "live";
  if (run.reason === "completed") return "good";
  return run.reason === "terminated" || run.reason === "interrupted" ? "warning" : "bad";
}

export const ResultPill = ({ run }: { run: Run }) => (
  <span class={`pill ${tone(run)}`} title={run.message ?? ""}>
    {result(run)}
  </span>
);
