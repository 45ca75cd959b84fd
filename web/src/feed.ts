/** The stream of events: one connection, listeners, and a word when what is on the screen must be read anew. */

import type { FeedEvent, OrderSummary, Run, SeriesRows } from "./types";

export type FeedState = "connecting" | "open" | "lost";

export interface Listener {
  event(event: FeedEvent): void;
  /** Events may have been missed, or a connection begins: read anew. */
  anew(): void;
}

interface SamplesData extends SeriesRows {
  order: string;
  columns: string[];
}

/** An event's text; null for a kind that this page doesn't know. */
export function parse(type: string, text: string): FeedEvent | null {
  const data: unknown = JSON.parse(text);
  if (type === "order") return { type, order: data as OrderSummary };
  if (type === "run") return { type, ...(data as { order: string; run: Run }) };
  if (type !== "samples") return null;
  const { order, columns, ...series } = data as SamplesData;
  return { type, order, columns, series };
}

const RETRY_MS = [1000, 2000, 5000, 10_000];

export class Feed {
  state: FeedState = "connecting";
  private source: EventSource | null = null;
  private tries = 0;
  private timer: number | undefined;
  private order: string | null = null;
  private readonly listeners = new Set<Listener>();
  private readonly watchers = new Set<(state: FeedState) => void>();

  subscribe(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  watch(watcher: (state: FeedState) => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  /** Connects, to the events of one order or (null) of all. */
  connect(order: string | null): void {
    if (this.source && this.order === order) return;
    this.order = order;
    this.tries = 0;
    this.open();
  }

  close(): void {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }

  private open(): void {
    this.close();
    const source = new EventSource(`api/events${this.order ? `?order=${encodeURIComponent(this.order)}` : ""}`);
    this.source = source;
    source.onopen = () => {
      this.tries = 0;
      this.say("open");
      this.anew();
    };
    source.onerror = () => {
      this.say("lost");
      // While it is "connecting" the browser itself tries again; a refusal ends that.
      if (source.readyState === EventSource.CLOSED) this.again();
    };
    source.addEventListener("reset", () => this.anew());
    for (const type of ["order", "run", "samples"]) {
      source.addEventListener(type, (message: MessageEvent<string>) => this.tell(type, message.data));
    }
  }

  private again(): void {
    const wait = RETRY_MS[Math.min(this.tries, RETRY_MS.length - 1)];
    this.tries += 1;
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.open(), wait);
  }

  private tell(type: string, text: string): void {
    const event = parse(type, text);
    if (event) for (const listener of [...this.listeners]) listener.event(event);
  }

  private anew(): void {
    for (const listener of [...this.listeners]) listener.anew();
  }

  private say(state: FeedState): void {
    this.state = state;
    for (const watcher of [...this.watchers]) watcher(state);
  }
}

export const feed = new Feed();
