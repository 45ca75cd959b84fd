/** Asks for the token, once: the server answers with a cookie that scripts can't read. */

import { useState } from "preact/hooks";
import { ApiError, signIn } from "../api";
import { Alert } from "../parts/dialog";

export function SignIn({ onDone }: { onDone(): void }) {
  const [token, setToken] = useState("");
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await signIn(token.trim());
      onDone();
    } catch (reason) {
      const wrong = reason instanceof ApiError && reason.status === 401;
      const text = reason instanceof Error ? reason.message : String(reason);
      setError(wrong ? "That token is not the one of this server. It is in the file or variable that `podometer serve` was started with." : text);
    }
    setBusy(false);
  };
  return (
    <form class="card signin form" onSubmit={submit}>
      <h1>Sign in</h1>
      <p class="muted">This Podometer can be reached from other machines, so it wants its token.</p>
      {/* For password managers: they want a name beside the secret. */}
      <input class="unseen" type="text" name="username" autocomplete="username" value="podometer" readOnly tabIndex={-1} aria-hidden="true" />
      <label for="token">Token</label>
      <input
        id="token"
        type="password"
        autocomplete="current-password"
        required
        value={token}
        onInput={(e) => setToken(e.currentTarget.value)}
      />
      <Alert text={error} />
      <div class="actions">
        <button type="submit" class="primary" disabled={busy}>Sign in</button>
      </div>
    </form>
  );
}
