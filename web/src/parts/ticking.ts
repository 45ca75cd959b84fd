/** The time, once a second, while something runs. */

import { useEffect, useState } from "preact/hooks";
import { serverNow } from "../api";
import { seconds } from "../series";

export function useNow(running: boolean): number {
  const [now, set] = useState(serverNow);
  useEffect(() => {
    if (!running) return undefined;
    set(serverNow());
    const timer = setInterval(() => set(serverNow()), 1000);
    return () => clearInterval(timer);
  }, [running]);
  return now;
}

/** From start to end, or to now; null if it hasn't started. */
export function lasted(start: string | null, end: string | null, now: number): number | null {
  if (!start) return null;
  return Math.max(0, (end ? seconds(end) : now) - seconds(start));
}
