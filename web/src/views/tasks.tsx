/** The tasks that ever ran. */

import { tasks as readTasks } from "../api";
import { Alert } from "../parts/dialog";
import { href } from "../route";
import { useSynced } from "../synced";
import type { TaskSummary } from "../types";
import { formatCount, formatInstant } from "../units";

export function Tasks() {
  const { state, error } = useSynced<TaskSummary[]>(async (signal) => (await readTasks(signal)).tasks, (s) => s, []);
  return (
    <>
      <h1>Tasks</h1>
      <Alert text={error} />
      {!state && !error && <p class="muted">Reading…</p>}
      {state?.length === 0 && <div class="empty"><p>No task has run yet.</p></div>}
      {state && state.length > 0 && (
        <div class="scroll card flush" tabIndex={0} role="region" aria-label="Tasks">
          <table>
            <thead>
              <tr>
                <th scope="col">Task</th>
                <th scope="col" class="number">Runs</th>
                <th scope="col" class="number">Orders</th>
                <th scope="col">Last started</th>
              </tr>
            </thead>
            <tbody>
              {state.map((t) => (
                <tr key={t.task}>
                  <th scope="row"><a href={href.task(t.task)}>{t.task}</a></th>
                  <td class="number">{formatCount(t.runs)}</td>
                  <td class="number">{formatCount(t.orders)}</td>
                  <td>{formatInstant(t.last_started_at)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}
