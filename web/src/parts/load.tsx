/** The form that hands an order over. */

import { useState } from "preact/hooks";
import { load } from "../api";
import { href } from "../route";
import { Alert, Dialog } from "./dialog";

export const EXAMPLE = `{
  "id": "leaf",
  "tasks": [
    { "name": "camera", "args": ["--width", "3000", "--height", "2000"] },
    { "name": "resize", "args": ["--max-side", "1600"],
      "resources": { "requests": { "cpu": "1", "memory": "128Mi" }, "limits": { "memory": "256Mi" } } },
    "denoise",
    "segment",
    "diagnose",
    "annotate"
  ]
}
`;

interface Props {
  /** Whether its tasks run on a cluster. */
  onCluster: boolean;
  onClose(): void;
}

export function LoadDialog({ onCluster, onClose }: Props) {
  const [order, setOrder] = useState(EXAMPLE);
  const [picture, setPicture] = useState<File | null>(null);
  const [again, setAgain] = useState(false);
  const [prewarm, setPrewarm] = useState(false);
  const [period, setPeriod] = useState("");
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      const id = await load({ order, input: picture, again, prewarm, period: period.trim() });
      onClose();
      location.hash = href.order(id);
    } catch (reason) {
      setError(reason instanceof Error ? reason.message : String(reason));
      setBusy(false);
    }
  };

  return (
    <Dialog title="Load an order" onClose={onClose}>
      <form onSubmit={submit} class="form">
        <label for="order-json">Order <span class="muted">JSON</span></label>
        <textarea
          id="order-json"
          class="code"
          rows={13}
          spellcheck={false}
          required
          value={order}
          onInput={(e) => setOrder(e.currentTarget.value)}
        />
        <label for="order-file">or from a file</label>
        <input
          id="order-file"
          type="file"
          accept=".json,application/json"
          onChange={async (e) => {
            const file = e.currentTarget.files?.[0];
            if (file) setOrder(await file.text());
          }}
        />
        <label for="order-input">Input picture <span class="muted">optional</span></label>
        <input
          id="order-input"
          type="file"
          accept="image/png,image/jpeg"
          onChange={(e) => setPicture(e.currentTarget.files?.[0] ?? null)}
        />
        <label for="order-period">Time between samples <span class="muted">100ms to 60s</span></label>
        <input id="order-period" size={8} placeholder="1s" value={period} onInput={(e) => setPeriod(e.currentTarget.value)} />
        <label class="check">
          <input type="checkbox" checked={again} onChange={(e) => setAgain(e.currentTarget.checked)} />
          Take the next free id if this one was used already
        </label>
        {onCluster && (
          <label class="check">
            <input type="checkbox" checked={prewarm} onChange={(e) => setPrewarm(e.currentTarget.checked)} />
            Make the next task's pod ready while a task runs
          </label>
        )}
        <Alert text={error} />
        <div class="actions">
          <button type="button" onClick={onClose}>Cancel</button>
          <button type="submit" class="primary" disabled={busy}>{busy ? "Loading…" : "Load"}</button>
        </div>
      </form>
    </Dialog>
  );
}
