/** State that is read by the API and then kept current by events. */

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "./api";
import { feed } from "./feed";
import { signedOut } from "./signed";
import type { FeedEvent } from "./types";

export interface Synced<S> {
  state: S | null;
  error: string | null;
  /** Reads anew. */
  reload(): void;
  change(to: (state: S) => S): void;
}

/**
 * Reads once, and again whenever events may have been missed. Events that come while it reads wait
 * for the answer, so that none is lost and no older answer overwrites a newer event.
 */
export function useSynced<S>(
  read: (signal: AbortSignal) => Promise<S>,
  apply: (state: S, event: FeedEvent) => S,
  dependencies: unknown[],
): Synced<S> {
  const held = useRef<S | null>(null);
  const [, redraw] = useState(0);
  const [error, setError] = useState<string | null>(null);
  const frame = useRef(0);
  const current = useRef({ read, apply });
  current.current = { read, apply };
  const reload = useRef(() => {});

  const show = useCallback(() => {
    cancelAnimationFrame(frame.current);
    frame.current = requestAnimationFrame(() => redraw((n) => n + 1));
  }, []);

  useEffect(() => {
    held.current = null;
    let waiting: FeedEvent[] = [];
    let reading: AbortController | null = null;
    const take = (event: FeedEvent) => {
      if (held.current === null) return;
      const next = current.current.apply(held.current, event);
      if (next !== held.current) show();
      held.current = next;
    };
    const start = async () => {
      reading?.abort();
      const mine = new AbortController();
      reading = mine;
      waiting = [];
      try {
        const state = await current.current.read(mine.signal);
        if (mine.signal.aborted) return;
        held.current = state;
        setError(null);
      } catch (reason) {
        if (mine.signal.aborted) return;
        if (reason instanceof ApiError && reason.status === 401) signedOut();
        setError(reason instanceof Error ? reason.message : String(reason));
      }
      reading = null;
      waiting.splice(0).forEach(take);
      show();
    };
    reload.current = () => void start();
    const leave = feed.subscribe({
      event: (event) => (reading ? waiting.push(event) : take(event)),
      anew: () => void start(),
    });
    void start();
    return () => {
      leave();
      reading?.abort();
    };
  }, dependencies);

  const change = useCallback((to: (state: S) => S) => {
    if (held.current !== null) held.current = to(held.current);
    show();
  }, []);
  return { state: held.current, error, reload: () => reload.current(), change };
}
