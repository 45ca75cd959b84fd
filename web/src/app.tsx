/** The frame: who is signed in, which view, whether the connection stands. */

import { useEffect, useRef, useState } from "preact/hooks";
import { session as readSession, signOut } from "./api";
import { feed, type FeedState } from "./feed";
import { Alert } from "./parts/dialog";
import { LoadDialog } from "./parts/load";
import { href, parseRoute, type Route } from "./route";
import { onSignedOut } from "./signed";
import { toggleTheme, useTheme } from "./theme";
import type { Session } from "./types";
import { Order } from "./views/order";
import { Orders } from "./views/orders";
import { SignIn } from "./views/signin";
import { Task } from "./views/task";
import { Tasks } from "./views/tasks";

function useRoute(): Route {
  const [route, set] = useState(() => parseRoute(location.hash));
  useEffect(() => {
    const changed = () => set(parseRoute(location.hash));
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return route;
}

function title(route: Route): string {
  if (route.view === "order") return route.id;
  if (route.view === "task") return route.task;
  return route.view === "tasks" ? "Tasks" : "Orders";
}

const RETRY_MS = 3000;

/** Who we are to the server; tried again while it can't be reached. */
function useSession(): { session: Session | null; error: string | null; reload(): void } {
  const [session, set] = useState<Session | null>(null);
  const [error, setError] = useState<string | null>(null);
  const timer = useRef(0);
  const reload = () => {
    clearTimeout(timer.current);
    readSession().then(
      (s) => {
        set(s);
        setError(null);
      },
      (reason: unknown) => {
        setError(reason instanceof Error ? reason.message : String(reason));
        timer.current = window.setTimeout(reload, RETRY_MS);
      },
    );
  };
  useEffect(() => {
    reload();
    const leave = onSignedOut(reload);
    return () => {
      leave();
      clearTimeout(timer.current);
    };
  }, []);
  return { session, error, reload };
}

export function App() {
  const route = useRoute();
  const { session, error, reload } = useSession();
  const [loading, setLoading] = useState(false);
  const main = useRef<HTMLElement>(null);
  const key = JSON.stringify(route.view === "orders" ? "orders" : route);
  const first = useRef(true);
  const open = session !== null && (!session.token_required || session.signed_in);

  useEffect(() => {
    document.title = `${title(route)} · Podometer`;
    // A new view begins at its top, also for those who listen.
    if (!first.current) main.current?.focus({ preventScroll: true });
    if (!first.current) scrollTo(0, 0);
    first.current = false;
  }, [key]);
  useEffect(() => {
    if (!open) return feed.close();
    feed.connect(route.view === "order" ? route.id : null);
  }, [open, key]);

  return (
    <>
      <a class="skip" href="#main" onClick={(e) => { e.preventDefault(); main.current?.focus(); }}>To the content</a>
      <Bar route={route} session={session} open={open} onLoad={() => setLoading(true)} onSignOut={() => signOut().finally(reload)} />
      <main id="main" ref={main} tabIndex={-1}>
        <Alert text={error} />
        {session && !open && <SignIn onDone={reload} />}
        {session && open && <View route={route} canLoad={session.can_load} />}
      </main>
      {session && (
        <footer>
          Podometer {session.version} <span class="muted">· tasks run {session.launcher === "kubernetes" ? "on a cluster" : "on this machine"} ·{" "}</span>
          <a href="api/openapi.json">API</a>
        </footer>
      )}
      {loading && <LoadDialog onCluster={session?.launcher === "kubernetes"} onClose={() => setLoading(false)} />}
    </>
  );
}

function View({ route, canLoad }: { route: Route; canLoad: boolean }) {
  switch (route.view) {
    case "orders":
      return <Orders filter={route} canLoad={canLoad} />;
    case "order":
      return <Order key={route.id} id={route.id} canLoad={canLoad} />;
    case "tasks":
      return <Tasks />;
    case "task":
      return <Task key={route.task} task={route.task} />;
    case "unknown":
      return <><h1>Nothing here</h1><p>The address names no view. <a href={href.orders()}>To the orders</a></p></>;
  }
}

interface BarProps {
  route: Route;
  session: Session | null;
  open: boolean;
  onLoad(): void;
  onSignOut(): void;
}

function Bar({ route, session, open, onLoad, onSignOut }: BarProps) {
  const theme = useTheme();
  const here = (views: Route["view"][]) => (views.includes(route.view) ? "page" : undefined);
  return (
    <header class="top">
      <a class="brand" href={href.orders()} aria-label="Podometer">
        <img src="icon.svg" alt="" width="26" height="26" /> <span>Podometer</span>
      </a>
      {open && (
        <nav aria-label="Views">
          <a href={href.orders()} aria-current={here(["orders", "order"])}>Orders</a>
          <a href={href.tasks()} aria-current={here(["tasks", "task"])}>Tasks</a>
        </nav>
      )}
      <span class="space" />
      {open && <Connection />}
      {open && session?.can_load && <button type="button" class="primary" onClick={onLoad}>Load<span class="wide"> an order</span></button>}
      <button type="button" class="icon" onClick={toggleTheme} aria-label={theme === "dark" ? "Light colours" : "Dark colours"} title={theme === "dark" ? "Light colours" : "Dark colours"}>
        <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true"><circle cx="10" cy="10" r="7" fill="none" stroke="currentColor" stroke-width="2" /><path d="M10 3a7 7 0 0 1 0 14z" fill="currentColor" /></svg>
      </button>
      {open && session?.token_required && <button type="button" class="small" onClick={onSignOut}>Sign out</button>}
    </header>
  );
}

/** How the connection stands: a dot, and words when it changes. */
function Connection() {
  const [state, set] = useState<FeedState>(feed.state);
  const [words, setWords] = useState("");
  const before = useRef(state);
  useEffect(
    () =>
      feed.watch((to) => {
        if (to === "lost") setWords("Connection lost; trying again. What is shown may be old.");
        if (to === "open" && before.current === "lost") setWords("Connected again; all is current.");
        before.current = to;
        set(to);
      }),
    [],
  );
  const text = state === "open" ? "live" : state === "lost" ? "connection lost" : "connecting";
  return (
    <span class={`connection ${state}`}>
      <span class="light" aria-hidden="true" /> <span class="text">{text}</span>
      <span class="unseen" role="status">{words}</span>
    </span>
  );
}
