/** The HTTP API. Every failure becomes one `ApiError` whose message can be shown. */

import type { OrderDetail, OrderSummary, Samples, Session, TaskRun, TaskSummary } from "./types";
import type { Filter } from "./live";

export class ApiError extends Error {
  constructor(
    /** HTTP status; 0 if the server can't be reached. */
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** How far this machine's clock is behind the server's, seconds. */
let skew = 0;
export const serverNow = () => Date.now() / 1000 + skew;

function noteTime(response: Response) {
  const date = Date.parse(response.headers.get("date") ?? "");
  if (Number.isNaN(date)) return;
  const ahead = date / 1000 - Date.now() / 1000;
  // The header has whole seconds: less than two are no difference.
  skew = Math.abs(ahead) > 2 ? ahead : 0;
}

/** `detail` of a problem document, else the status in words. */
export async function problem(response: Response): Promise<ApiError> {
  const text = await response.text().catch(() => "");
  try {
    const { title, detail } = JSON.parse(text) as { title?: unknown; detail?: unknown };
    const words = typeof detail === "string" && detail ? detail : title;
    if (typeof words === "string" && words) return new ApiError(response.status, words);
  } catch {
    // Not a problem document: whoever stands in between has answered.
  }
  return new ApiError(response.status, `the server answered ${response.status} ${response.statusText}`.trim());
}

async function call(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...init });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "the server can't be reached; is `podometer serve` still running?");
  }
  noteTime(response);
  if (!response.ok) throw await problem(response);
  return response;
}

const read = async <T>(path: string, signal?: AbortSignal) =>
  (await (await call(path, signal ? { signal } : {})).json()) as T;

/** A query string; what is empty is left out. */
export function query(params: Record<string, string | number | boolean | null | undefined>): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(params)) {
    if (value !== "" && value !== null && value !== undefined && value !== false) search.set(key, String(value));
  }
  const text = search.toString();
  return text ? `?${text}` : "";
}

const part = encodeURIComponent;
const json = (body: string, method: string): RequestInit => ({
  method,
  body,
  headers: { "content-type": "application/json" },
});

export const session = () => read<Session>("api/session");
export const signIn = (token: string) => call("api/session", json(JSON.stringify({ token }), "POST"));
export const signOut = () => call("api/session", { method: "DELETE" });

export const orders = (filter: Filter, before: string | null, signal?: AbortSignal) =>
  read<{ orders: OrderSummary[]; next: string | null }>(`api/orders${query({ ...filter, before, limit: 50 })}`, signal);
export const order = (id: string, signal?: AbortSignal) => read<OrderDetail>(`api/orders/${part(id)}`, signal);
export const terminate = (id: string) => call(`api/orders/${part(id)}`, { method: "DELETE" });

export interface SamplesQuery {
  task?: string;
  position?: number;
  attempt?: number;
  resource?: string;
  /** RFC 3339. */
  from?: string;
  to?: string;
  max_points?: number;
}
export const samplesUrl = (id: string, wanted: SamplesQuery & { format?: string }) =>
  `api/orders/${part(id)}/samples${query({ ...wanted })}`;
export const samples = (id: string, wanted: SamplesQuery, signal?: AbortSignal) =>
  read<Samples>(samplesUrl(id, wanted), signal);

export const tasks = (signal?: AbortSignal) => read<{ tasks: TaskSummary[] }>("api/tasks", signal);
export const taskRuns = (task: string, limit: number, signal?: AbortSignal) =>
  read<{ runs: TaskRun[] }>(`api/tasks/${part(task)}/runs${query({ limit })}`, signal);

export interface LoadRequest {
  order: string;
  input: File | null;
  again: boolean;
  prewarm: boolean;
  period: string;
}

/** Hands an order over; returns its id. */
export async function load({ order, input, again, prewarm, period }: LoadRequest): Promise<string> {
  let init = json(order, "POST");
  if (input) {
    const form = new FormData();
    form.append("order", new Blob([order], { type: "application/json" }), "order.json");
    form.append("input", input, input.name);
    init = { method: "POST", body: form };
  }
  const response = await call(`api/orders${query({ again, prewarm, period })}`, init);
  return ((await response.json()) as { id: string }).id;
}

export const links = {
  report: (id: string) => `api/orders/${part(id)}/report.html`,
  chart: (id: string, type: "svg" | "png") => `api/orders/${part(id)}/chart.${type}`,
  task: (id: string, run: { task: string; position: number; attempt: number }, type: "svg" | "png") =>
    `api/orders/${part(id)}/charts/${part(run.task)}.${type}${query({ position: run.position, attempt: run.attempt })}`,
};
