/** What the tasks handed on: pictures before and after, and their outputs. */

import { useState } from "preact/hooks";
import type { OrderDetail, Run } from "../types";

interface Picture {
  name: string;
  url: string;
}

/** Relative to the page, which may stand behind a path. */
const relative = (url: string) => url.replace(/^\//, "");

/** The input and what each task made of it, in order; of several attempts the last. */
export function pictures(detail: OrderDetail): Picture[] {
  const made = new Map<number, Picture>();
  for (const run of detail.runs) if (run.picture) made.set(run.position, { name: run.task, url: relative(run.picture) });
  const input = detail.input_picture ? [{ name: "input", url: relative(detail.input_picture) }] : [];
  return [...input, ...[...made].sort(([a], [b]) => a - b).map(([, picture]) => picture)];
}

/** JSON is put into lines, everything else stays. */
function readable(output: string): string {
  try {
    return JSON.stringify(JSON.parse(output), null, 2);
  } catch {
    return output;
  }
}

function Figure({ picture, what }: { picture: Picture; what: string }) {
  return (
    <figure>
      <a href={picture.url}><img src={picture.url} alt={`${what}: picture of ${picture.name}`} /></a>
      <figcaption><span class="muted">{what}</span> {picture.name}</figcaption>
    </figure>
  );
}

function BeforeAndAfter({ all }: { all: Picture[] }) {
  const [picked, setPicked] = useState<number | null>(null);
  const index = Math.min(picked ?? all.length - 1, all.length - 1);
  const [after, before] = [all[index], all[index - 1]];
  if (!after) return null;
  return (
    <section class="card" aria-labelledby="pictures">
      <div class="title">
        <h2 id="pictures">Pictures</h2>
        {all.length > 2 && (
          <select aria-label="After which task" value={String(index)} onChange={(e) => setPicked(Number(e.currentTarget.value))}>
            {all.map((p, i) => (i === 0 ? null : <option key={p.url} value={String(i)}>{p.name}</option>))}
          </select>
        )}
      </div>
      <div class="pictures">
        {before && <Figure picture={before} what="Before" />}
        <Figure picture={after} what={before ? "After" : "Written by"} />
      </div>
    </section>
  );
}

const Output = ({ run }: { run: Run }) => (
  <details>
    <summary>{run.task}{run.attempt > 1 ? `, attempt ${run.attempt}` : ""}</summary>
    <pre tabIndex={0}>{readable(run.output ?? "")}</pre>
  </details>
);

export function Outputs({ detail }: { detail: OrderDetail }) {
  const all = pictures(detail);
  const outputs = detail.runs.filter((r) => r.output);
  return (
    <>
      {all.length > 0 && <BeforeAndAfter all={all} />}
      {outputs.length > 0 && (
        <section class="card" aria-labelledby="outputs">
          <h2 id="outputs">Outputs</h2>
          {outputs.map((run) => <Output key={`${run.position}/${run.attempt}`} run={run} />)}
        </section>
      )}
    </>
  );
}
