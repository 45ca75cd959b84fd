/** A live chart: lines over seconds, a reading at the cross-hair, zoom, keys, a summary and a table. */

import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { JSX } from "preact";
import uPlot from "uplot";
import { limitColour, requestColour } from "../palette";
import { latest, peak, thinned } from "../series";
import { useTheme } from "../theme";
import { format, formatSeconds } from "../units";
import { data, near, options, reading, type ChartSeries, type Plotted, type Reference } from "./plot";

export interface ChartProps {
  title: string;
  /** What is drawn, for people who don't see the title's surroundings: "of task resize". */
  of: string;
  unit: Plotted["unit"];
  x: number[];
  series: ChartSeries[];
  references: Reference[];
  end: number;
  zoom: [number, number] | null;
  onZoom(range: [number, number] | null): void;
  syncKey: string;
  height: number;
  live: boolean;
  /** Only the series that have something at the cross-hair are named, in many-coloured charts. */
  sparse?: boolean;
  /** Instead of one entry per series. */
  legend?: JSX.Element;
  /** The reading in words, if not all series should be listed. */
  say?(index: number, values: (number | null)[]): string;
}

const TABLE_ROWS = 60;

/** What the chart shows, in a sentence per series. */
function summary({ title, of, unit, x, series, references, live }: ChartProps): string {
  const parts = series.slice(0, 12).flatMap((s) => {
    const top = peak(x, s.values);
    if (!top) return [];
    const now = live ? `, now ${format(unit, latest(s.values))}` : "";
    return [`${s.name}: peak ${format(unit, top.value)} at ${formatSeconds(top.at)}${now}`];
  });
  const lines = [...new Set(references.map((r) => `${r.kind} ${format(unit, r.value)}`))];
  const what = parts.length > 0 ? parts : ["nothing known yet"];
  return `${title} ${of}. ${[...what, ...lines.slice(0, 6)].join("; ")}.`;
}

function Table({ title, unit, x, series }: ChartProps) {
  const [open, setOpen] = useState(false);
  return (
    <details class="values" onToggle={(e) => setOpen(e.currentTarget.open)}>
      <summary>
        Table<span class="unseen"> of {title}</span>
      </summary>
      {open && (
        <div class="scroll tall" tabIndex={0} role="region" aria-label={`Values of ${title}`}>
          <table>
            <thead>
              <tr>
                <th scope="col">Time</th>
                {series.map((s) => (
                  <th scope="col" class="number" key={s.name}>{s.name}</th>
                ))}
              </tr>
            </thead>
            <tbody>
              {thinned(x.length, TABLE_ROWS).map((i) => (
                <tr key={i}>
                  <th scope="row">{formatSeconds(x[i])}</th>
                  {series.map((s) => (
                    <td class="number" key={s.name}>{format(unit, s.values[i])}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}

function References({ references, unit, high }: { references: Reference[]; unit: Plotted["unit"]; high: number }) {
  const theme = useTheme();
  const shown = near(references, high);
  return (
    <>
      {(["request", "limit"] as const).map((kind) => {
        const values = [...new Set(references.filter((r) => r.kind === kind).map((r) => r.value))];
        if (values.length === 0) return null;
        const above = shown.some((r) => r.kind === kind) ? "" : " ↑";
        const text = values.length === 1 ? format(unit, values[0]) : "";
        return (
          <li key={kind}>
            <span class={`dash ${kind}`} style={{ borderTopColor: kind === "limit" ? limitColour(theme) : requestColour(theme) }} />
            {kind} <span class="value">{text}{above}</span>
          </li>
        );
      })}
    </>
  );
}

/** The cursor's place after a key; undefined if the key means nothing here. */
function moved(key: string, index: number, length: number, big: boolean): number | undefined {
  const step = big ? Math.max(1, Math.round(length / 10)) : 1;
  if (key === "ArrowLeft") return Math.max(0, index - step);
  if (key === "ArrowRight") return Math.min(length - 1, index + step);
  if (key === "Home") return 0;
  if (key === "End") return length - 1;
  return undefined;
}

export function Chart(props: ChartProps) {
  const theme = useTheme();
  const id = useId();
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const now = useRef<Plotted>({ ...props, theme });
  const latestProps = useRef(props);
  const [at, setAt] = useState<number | null>(null);
  const [spoken, setSpoken] = useState("");
  now.current = { ...props, theme };
  latestProps.current = props;

  const shape = JSON.stringify([theme, props.unit, props.syncKey, props.height, props.series.map((s) => [s.name, s.colour, s.fill, s.width])]);
  useLayoutEffect(() => {
    const element = holder.current;
    if (!element) return;
    const hooks = {
      cursor: (_: uPlot, index: number | null) => setAt(index),
      zoom: (range: [number, number] | null) => latestProps.current.onZoom(range),
    };
    const width = () => Math.max(200, element.clientWidth);
    const made = new uPlot(options(() => now.current, hooks, width(), props.height), data(now.current), element);
    // What it draws is said in words beside it.
    made.root.setAttribute("aria-hidden", "true");
    plot.current = made;
    const observer = new ResizeObserver(() => {
      if (made.width !== width()) made.setSize({ width: width(), height: props.height });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape]);

  const drawnOnce = useRef("");
  useLayoutEffect(() => {
    // A chart that was made just now has its data already.
    if (drawnOnce.current === shape) plot.current?.setData(data(now.current));
    drawnOnce.current = shape;
  });

  const index = at !== null && at < props.x.length ? at : null;
  const values = index === null ? null : reading(now.current, index);
  const when = index === null ? null : formatSeconds(props.x[index]);
  const words = index === null || !values ? "" : sentence(props, index, values, when ?? "");

  const visible = (key: string) => {
    const u = plot.current;
    if (!u) return false;
    if (key === "Escape") {
      props.onZoom(null);
      u.setCursor({ left: -10, top: -10 });
      setSpoken("");
      return true;
    }
    if (key === "+" || key === "=" || key === "-") {
      const [from, to] = props.zoom ?? [0, props.end];
      const centre = index === null ? (from + to) / 2 : (props.x[index] ?? 0);
      const half = ((to - from) / 2) * (key === "-" ? 2 : 0.5);
      const range: [number, number] = [Math.max(0, centre - half), Math.min(props.end, centre + half)];
      props.onZoom(range[1] - range[0] >= props.end ? null : range);
      return true;
    }
    return false;
  };

  const onKey = (event: KeyboardEvent) => {
    const u = plot.current;
    if (!u || event.ctrlKey || event.altKey || event.metaKey) return;
    if (visible(event.key)) return event.preventDefault();
    const next = moved(event.key, index ?? (event.key === "ArrowLeft" ? props.x.length : -1), props.x.length, event.shiftKey);
    const x = next === undefined ? undefined : props.x[next];
    if (next === undefined || x === undefined) return;
    event.preventDefault();
    if (props.zoom && (x < props.zoom[0] || x > props.zoom[1])) return;
    u.setCursor({ left: u.valToPos(x, "x"), top: 10 });
    setSpoken(sentence(props, next, reading(now.current, next), formatSeconds(x)));
  };
  // A reading stays in the live region only while it is the newest.
  useEffect(() => {
    if (index === null) setSpoken("");
  }, [index]);

  const high = Math.max(0, ...props.series.map((s) => peak(props.x, s.edge ?? s.values)?.value ?? 0));
  return (
    <figure class="chart">
      <figcaption>
        <h3>{props.title}</h3>
        <span class="when" aria-hidden="true">{when ? `at ${when}` : ""}</span>
        {props.zoom && (
          <button type="button" class="small" onClick={() => props.onZoom(null)}>Reset zoom</button>
        )}
      </figcaption>
      <ul class="legend" aria-hidden="true">
        {props.legend ?? <Entries {...props} values={values} />}
        <References references={props.references} unit={props.unit} high={high} />
        {props.say && <li class="value">{words}</li>}
      </ul>
      <div
        class="plot"
        ref={holder}
        tabIndex={0}
        role="application"
        data-points={props.x.length}
        aria-roledescription="chart"
        aria-label={`${props.title} ${props.of}. Arrow keys read values, plus and minus zoom, Escape resets.`}
        aria-describedby={`${id}-summary`}
        onKeyDown={onKey}
        onBlur={() => plot.current?.setCursor({ left: -10, top: -10 })}
        style={{ minHeight: `${props.height}px` }}
      />
      <p class="unseen" id={`${id}-summary`}>{summary(props)}</p>
      <p class="unseen" role="status">{spoken}</p>
      <Table {...props} />
    </figure>
  );
}

function sentence(props: ChartProps, index: number, values: (number | null)[], when: string): string {
  if (props.say) return props.say(index, values);
  const named = props.series.flatMap((s, i) => {
    const value = values[i] ?? null;
    return value === null && props.sparse ? [] : [`${s.name} ${format(props.unit, value)}`];
  });
  return `${when}: ${named.join(", ") || "nothing known"}`;
}

/** One entry per series: what it has at the cross-hair, else its newest value while it runs, else its peak. */
function Entries({ x, series, unit, live, values, sparse }: ChartProps & { values: (number | null)[] | null }) {
  const text = (s: ChartSeries, i: number) => {
    if (values) return format(unit, values[i]);
    if (live) return format(unit, latest(s.values));
    const top = peak(x, s.values);
    return top ? `peak ${format(unit, top.value)}` : "–";
  };
  const ranked = series.map((s, i) => ({ s, i })).sort((a, b) => (a.s.rank ?? a.i) - (b.s.rank ?? b.i));
  return (
    <>
      {ranked.map(({ s, i }) => (
        <li key={s.name} class={sparse && values && values[i] === null ? "faint" : ""}>
          <span class="swatch" style={{ backgroundColor: s.fill && !s.fill.includes("/ 0.") ? s.fill : s.colour }} />
          {s.name} <span class="value">{sparse && !values ? "" : text(s, i)}</span>
        </li>
      ))}
    </>
  );
}
