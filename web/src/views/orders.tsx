/** The orders, newest first, as they go. */

import { useEffect, useRef, useState } from "preact/hooks";
import { orders as readOrders } from "../api";
import { applyToOrders, over, progress, type Filter } from "../live";
import { Alert } from "../parts/dialog";
import { anonPeak, cpuTime } from "../parts/runs";
import { Segments } from "../parts/segments";
import { StatusPill } from "../parts/status";
import { TerminateButton } from "../parts/terminate";
import { lasted, useNow } from "../parts/ticking";
import { taskColour } from "../palette";
import { href } from "../route";
import { useSynced } from "../synced";
import { STATUSES, type OrderSummary, type Status } from "../types";
import { formatInstant, formatSeconds } from "../units";

interface State {
  orders: OrderSummary[];
  next: string | null;
}

/** The filter stands in the address, so that it can be kept and shared. */
function remember({ status, name }: Filter) {
  const search = new URLSearchParams();
  if (status) search.set("status", status);
  if (name) search.set("name", name);
  const text = search.toString();
  history.replaceState(null, "", `${href.orders()}${text ? `?${text}` : ""}`);
}

interface Props {
  /** As the address says it. */
  filter: Filter;
  canLoad: boolean;
}

export function Orders({ filter: first, canLoad }: Props) {
  const [filter, setFilter] = useState<Filter>(first);
  const [typed, setTyped] = useState(first.name);
  const timer = useRef(0);
  const change = (to: Filter) => {
    setFilter(to);
    remember(to);
  };
  useEffect(() => {
    setFilter(first);
    setTyped(first.name);
    return () => clearTimeout(timer.current);
  }, [first]);
  const { state, error, change: put } = useSynced<State>(
    async (signal) => readOrders({ status: filter.status, name: filter.name }, null, signal),
    (s, event) => {
      const orders = applyToOrders(s.orders, event, filter);
      return orders === s.orders ? s : { ...s, orders };
    },
    [filter.status, filter.name],
  );
  const [moreError, setMoreError] = useState<string | null>(null);
  const more = async () => {
    if (!state?.next) return;
    try {
      const page = await readOrders({ status: filter.status, name: filter.name }, state.next);
      put((s) => {
        const known = new Set(s.orders.map((o) => o.order_uid));
        return { orders: [...s.orders, ...page.orders.filter((o) => !known.has(o.order_uid))], next: page.next };
      });
      setMoreError(null);
    } catch (reason) {
      setMoreError(reason instanceof Error ? reason.message : String(reason));
    }
  };
  const now = useNow(state?.orders.some((o) => !over(o.status)) ?? false);
  return (
    <>
      <h1>Orders</h1>
      <div class="bar-of-controls">
        <Segments
          legend="Status"
          options={[{ value: "", text: "all" }, ...STATUSES.map((s) => ({ value: s as string, text: s as string }))]}
          value={filter.status}
          onChange={(status) => change({ ...filter, status: status as Status | "" })}
        />
        <input
          type="search"
          aria-label="Part of the id"
          placeholder="part of the id"
          value={typed}
          onInput={(e) => {
            const name = e.currentTarget.value;
            setTyped(name);
            clearTimeout(timer.current);
            timer.current = window.setTimeout(() => change({ ...filter, name: name.trim() }), 250);
          }}
        />
      </div>
      <Alert text={error ?? moreError} />
      {state && state.orders.length > 0 && <Table orders={state.orders} now={now} canLoad={canLoad} />}
      {state && state.orders.length === 0 && <Empty filtered={filter.status !== "" || filter.name !== ""} />}
      {!state && !error && <p class="muted">Reading…</p>}
      {state?.next && <p><button type="button" onClick={more}>Older orders</button></p>}
    </>
  );
}

const Empty = ({ filtered }: { filtered: boolean }) => (
  <div class="empty">
    {filtered ? (
      <p>No order is like that.</p>
    ) : (
      <p>There is no order yet. Load one above, or type <code>podometer run ORDER.json</code>.</p>
    )}
  </div>
);

function Table({ orders, now, canLoad }: { orders: OrderSummary[]; now: number; canLoad: boolean }) {
  return (
    <div class="scroll card flush" tabIndex={0} role="region" aria-label="Orders">
      <table class="orders" role="table">
        <thead role="rowgroup">
          <tr role="row">
            <th role="columnheader" scope="col">Order</th>
            <th role="columnheader" scope="col">Status</th>
            <th role="columnheader" scope="col">Progress</th>
            <th role="columnheader" scope="col" class="number">Time</th>
            <th role="columnheader" scope="col" class="number">CPU time</th>
            <th role="columnheader" scope="col" class="number">Peak anon.</th>
            <th role="columnheader" scope="col">Loaded</th>
            <th role="columnheader" scope="col"><span class="unseen">Actions</span></th>
          </tr>
        </thead>
        <tbody role="rowgroup">
          {orders.map((order) => <Row key={order.order_uid} order={order} now={now} canLoad={canLoad} />)}
        </tbody>
      </table>
    </div>
  );
}

function Row({ order, now, canLoad }: { order: OrderSummary; now: number; canLoad: boolean }) {
  const running = !over(order.status);
  const time = running ? lasted(order.started_at, order.ended_at, now) : (order.duration_seconds ?? lasted(order.started_at, order.ended_at, now));
  return (
    <tr role="row">
      <th scope="row" role="rowheader"><a href={href.order(order.id)}>{order.id}</a></th>
      <td role="cell" class="by-status"><StatusPill status={order.status} /></td>
      <td role="cell" class="by-progress"><Progress order={order} /></td>
      <td role="cell" class="by-time number">{formatSeconds(time)}</td>
      <td role="cell" class="by-cpu number">{cpuTime(order)}</td>
      <td role="cell" class="by-peak number">{anonPeak(order)}</td>
      <td role="cell" class="by-loaded">{formatInstant(order.created_at)}</td>
      <td role="cell" class="action">{running && canLoad && <TerminateButton id={order.id} small />}</td>
    </tr>
  );
}

/** How many tasks are done, and which one runs. */
export function Progress({ order }: { order: OrderSummary }) {
  const share = progress(order);
  const running = !over(order.status);
  const count = `${order.done ?? "–"}/${order.tasks ?? "–"}`;
  return (
    <div class="progress">
      <div class={`meter ${order.status}`} aria-hidden="true">
        <span
          style={{
            width: `${(share ?? 0) * 100}%`,
            ...(running && order.position !== null ? { backgroundColor: taskColour(order.position) } : {}),
          }}
        />
      </div>
      <span>{count}{running && order.task ? ` ${order.task}` : ""}</span>
    </div>
  );
}
