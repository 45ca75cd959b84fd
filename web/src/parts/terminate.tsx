/** Ends an order, after a question. */

import { useState } from "preact/hooks";
import { terminate } from "../api";
import { Alert, Dialog } from "./dialog";

export function TerminateButton({ id, small }: { id: string; small?: boolean }) {
  const [asking, setAsking] = useState(false);
  const [asked, setAsked] = useState(false);
  return (
    <>
      <button
        type="button"
        class={small ? "small danger" : "danger"}
        disabled={asked}
        onClick={() => setAsking(true)}
        aria-label={`Terminate ${id}`}
      >
        {asked ? "Terminating…" : "Terminate"}
      </button>
      {asking && <Question id={id} onClose={() => setAsking(false)} onDone={() => setAsked(true)} />}
    </>
  );
}

function Question({ id, onClose, onDone }: { id: string; onClose(): void; onDone(): void }) {
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const go = async () => {
    setBusy(true);
    setError(null);
    try {
      await terminate(id);
      onDone();
      onClose();
    } catch (reason) {
      setError(reason instanceof Error ? reason.message : String(reason));
      setBusy(false);
    }
  };
  return (
    <Dialog title={`Terminate ${id}?`} onClose={onClose}>
      <p>The task that runs is ended, the rest isn't started. What was measured stays. This can't be taken back.</p>
      <Alert text={error} />
      <div class="actions">
        <button type="button" onClick={onClose}>Let it run</button>
        <button type="button" class="primary danger" disabled={busy} onClick={go}>
          {busy ? "Terminating…" : "Terminate"}
        </button>
      </div>
    </Dialog>
  );
}
