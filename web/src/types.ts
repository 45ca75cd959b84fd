/** What the API says (`/api/openapi.json`). Missing is null, never zero; times are RFC 3339 UTC. */

export const STATUSES = ["queued", "running", "succeeded", "failed", "terminated"] as const;
export type Status = (typeof STATUSES)[number];

export interface OrderSummary {
  id: string;
  order_uid: string;
  status: Status;
  message: string | null;
  created_at: string;
  started_at: string | null;
  ended_at: string | null;
  launcher: string | null;
  input: string | null;
  tasks: number | null;
  storing_complete: boolean;
  done: number | null;
  task: string | null;
  position: number | null;
  duration_seconds: number | null;
  cpu_seconds: number | null;
  cpu_lower_bound: boolean;
  memory_anon_peak_bytes: number | null;
  memory_anon_peak_exact: boolean;
}

export interface PlanTask {
  position: number;
  task: string;
  image: string | null;
  command: string[] | null;
  requested_cpu: number | null;
  requested_memory_bytes: number | null;
  limit_cpu: number | null;
  limit_memory_bytes: number | null;
}

export interface Run {
  position: number;
  task: string;
  attempt: number;
  exit_code: number | null;
  signal: number | null;
  reason: string | null;
  message: string | null;
  censored: boolean | null;
  started_at: string | null;
  ended_at: string | null;
  duration_seconds: number | null;
  cpu_seconds: number | null;
  cpu_lower_bound: boolean;
  memory_peak_bytes: number | null;
  memory_anon_peak_bytes: number | null;
  memory_anon_peak_exact: boolean;
  disk_read_bytes: number | null;
  disk_write_bytes: number | null;
  net_rx_bytes: number | null;
  net_tx_bytes: number | null;
  monitor_cpu_seconds: number | null;
  monitor_memory_bytes: number | null;
  samples: number;
  missed_samples: number;
  largest_gap_seconds: number | null;
  cpu_p50: number | null;
  cpu_p95: number | null;
  cpu_max: number | null;
  memory_p95: number | null;
  memory_max: number | null;
  source: string | null;
  period_seconds: number | null;
  image: string | null;
  command: string[] | null;
  requested_cpu: number | null;
  requested_memory_bytes: number | null;
  limit_cpu: number | null;
  limit_memory_bytes: number | null;
  machine: { hostname?: string | null; processor?: string | null; cores?: number | null } | null;
  output: string | null;
  picture: string | null;
}

/** A run of a task over all orders. */
export interface TaskRun extends Run {
  order: string;
  order_status: Status;
}

export interface OrderDetail extends OrderSummary {
  definition: unknown;
  plan: PlanTask[];
  runs: Run[];
  input_picture: string | null;
}

export interface TaskSummary {
  task: string;
  runs: number;
  orders: number;
  last_started_at: string | null;
}

/** A cell of a row: the time is text, everything else a number or missing. */
export type Cell = string | number | boolean | null;

export interface SeriesRows {
  position: number;
  task: string;
  attempt: number;
  rows: Cell[][];
}

export interface Samples {
  order: string;
  columns: string[];
  series: SeriesRows[];
}

export interface Session {
  token_required: boolean;
  signed_in: boolean;
  launcher: string;
  can_load: boolean;
  version: string;
}

export type FeedEvent =
  | { type: "order"; order: OrderSummary }
  | { type: "run"; order: string; run: Run }
  | { type: "samples"; order: string; columns: string[]; series: SeriesRows };
