/** A distribution: one dot per run along a line, the median, and what was requested and allowed. */

import { useId } from "preact/hooks";
import { limitColour, requestColour } from "../palette";
import { quantile } from "../series";
import { useTheme } from "../theme";
import { binary, format, type Unit } from "../units";

export interface Dot {
  key: string;
  value: number;
  label: string;
}

interface Props {
  title: string;
  unit: Unit;
  dots: Dot[];
  request?: number | null;
  limit?: number | null;
  pointed: string | null;
}

const HEIGHT = 64;
/** Dots that lie on each other are moved apart by lanes, so that each can be seen. */
const LANES = 5;

/** A round number at or above the value, for the end of the scale. */
function roundUp(value: number): number {
  if (value <= 0) return 1;
  const size = 10 ** Math.floor(Math.log10(value));
  return ([1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((n) => n * size >= value) ?? 10) * size;
}

/** A sentence for people who don't see the dots, and under them for all. */
export function describe({ unit, dots, request, limit }: Omit<Props, "title" | "pointed">): string {
  const values = dots.map((d) => d.value);
  if (values.length === 0) return "Nothing known yet.";
  const [low, middle, high] = [Math.min(...values), quantile(values, 0.5), Math.max(...values)];
  const against = (kind: string, given: number | null | undefined) =>
    given ? [`${kind} ${format(unit, given)} (highest is ${format("share", high / given)} of it)`] : [];
  const spread = values.length === 1 ? [format(unit, high)] : [`${format(unit, low)} to ${format(unit, high)}`, `median ${format(unit, middle)}`];
  return [...spread, ...against("request", request), ...against("limit", limit)].join(" · ");
}

export function Strip({ title, unit, dots, request, limit, pointed }: Props) {
  const theme = useTheme();
  const id = useId();
  const values = dots.map((d) => d.value);
  const high = Math.max(0, ...values);
  const references = [request, limit].filter((v): v is number => !!v && v <= high * 4);
  const [, size] = unit === "bytes" ? binary(Math.max(high, ...references)) : [unit, 1];
  const end = roundUp(Math.max(high, ...references) / size) * size;
  const x = (value: number) => `${1 + (value / end) * 97}%`;
  const median = quantile(values, 0.5);
  const line = (value: number, colour: string, dash: string) => (
    <line x1={x(value)} x2={x(value)} y1="6" y2={HEIGHT - 18} stroke={colour} stroke-width="2" stroke-dasharray={dash} />
  );
  return (
    <figure class="strip">
      <figcaption><h3>{title}</h3></figcaption>
      <svg width="100%" height={HEIGHT} role="img" aria-labelledby={`${id}-text`}>
        <line x1="1%" x2="98%" y1={HEIGHT - 18} y2={HEIGHT - 18} class="axis" />
        <text x="1%" y={HEIGHT - 3}>0</text>
        <text x="98%" y={HEIGHT - 3} text-anchor="end">{format(unit, end)}</text>
        {!!request && request <= high * 4 && line(request, requestColour(theme), "2 3")}
        {!!limit && limit <= high * 4 && line(limit, limitColour(theme), "7 4")}
        {median !== null && dots.length > 2 && <line x1={x(median)} x2={x(median)} y1="8" y2={HEIGHT - 18} class="median" />}
        {dots.map((dot, i) => (
          <circle key={dot.key} cx={x(dot.value)} cy={12 + ((i * 2) % LANES) * 7} r={pointed === dot.key ? 6 : 4} class={pointed === dot.key ? "dot pointed" : "dot"}>
            <title>{`${dot.label}: ${format(unit, dot.value)}`}</title>
          </circle>
        ))}
      </svg>
      <p class="muted" id={`${id}-text`}>
        <span class="unseen">{title}: </span>
        {describe({ unit, dots, request: request ?? null, limit: limit ?? null })}
      </p>
    </figure>
  );
}
