/** Numbers as people read them: three significant digits and the unit that fits, as the crate `chart` writes them. */

/** What stands where there is no number. */
export const MISSING = "–";

/** The units of resources, as the API spells them, and seconds. */
export type Unit = "cores" | "share" | "bytes" | "bytes/s" | "count" | "1/s" | "s";
export type Maybe = number | null | undefined;

const BINARY: [string, number][] = [
  ["EiB", 2 ** 60],
  ["PiB", 2 ** 50],
  ["TiB", 2 ** 40],
  ["GiB", 2 ** 30],
  ["MiB", 2 ** 20],
  ["KiB", 2 ** 10],
  ["B", 1],
];

const known = (value: Maybe): value is number => typeof value === "number" && Number.isFinite(value);

/** The number as three digits show it, so that 999.9 µs becomes 1 ms and not 1000 µs. */
const rounded = (value: number) => (value === 0 ? 0 : Number(value.toPrecision(3)));

/** The unit in which the number is at least 1 as three digits show it: 1023.9 KiB is 1 MiB. */
export const binary = (bytes: number) => BINARY.find(([, size]) => Math.abs(bytes) >= 0.9995 * size) ?? (["B", 1] as const);

/** Digits in groups of three, parted by a no-break space. */
function grouped(whole: number): string {
  const digits = Math.abs(whole).toFixed(0);
  const sign = whole < 0 ? "-" : "";
  return sign + (digits.length > 4 ? digits.replace(/\B(?=(\d{3})+$)/g, "\u00a0") : digits);
}

/** A bare number with three significant digits: "1.25", "312", "0.004". */
export function formatNumber(value: Maybe): string {
  if (!known(value)) return MISSING;
  const size = Math.abs(rounded(value));
  if (size === 0) return "0";
  if (size < 1e-6 || size >= 1e7) return value.toExponential(2);
  if (size >= 1000) return grouped(Math.round(value));
  const decimals = Math.max(0, 2 - Math.floor(Math.log10(size)));
  const text = value.toFixed(decimals);
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

const withUnit = (value: number, unit: string) => `${formatNumber(value)}\u00a0${unit}`;

function smallTime(seconds: number): [number, string] {
  const size = Math.abs(rounded(seconds));
  if (size === 0 || size >= 1) return [1, "s"];
  return size >= 1e-3 ? [1e-3, "ms"] : [1e-6, "µs"];
}

/** A duration: "850 µs", "10.3 ms", "4.2 s", "2 min 5 s", "1 h 4 min", "3 d 2 h". */
export function formatSeconds(seconds: Maybe): string {
  if (!known(seconds)) return MISSING;
  const whole = Math.round(Math.abs(seconds));
  if (whole < 100) {
    const [size, unit] = smallTime(seconds);
    return withUnit(seconds / size, unit);
  }
  const [big, bigUnit, smallUnit, step]: [number, string, string, number] =
    whole < 3600 ? [60, "min", "s", 1] : whole < 86_400 ? [3600, "h", "min", 60] : [86_400, "d", "h", 3600];
  const even = Math.round(whole / step) * step;
  const rest = Math.floor((even % big) / step);
  const head = `${seconds < 0 ? "-" : ""}${Math.floor(even / big)}\u00a0${bigUnit}`;
  return rest === 0 ? head : `${head}\u00a0${rest}\u00a0${smallUnit}`;
}

export function formatBytes(bytes: Maybe): string {
  if (!known(bytes)) return MISSING;
  const [unit, size] = binary(bytes);
  return withUnit(bytes / size, unit);
}

function formatCores(cores: number): string {
  if (cores !== 0 && Math.abs(cores) < 0.1) return withUnit(cores * 1000, "millicores");
  return withUnit(cores, formatNumber(cores) === "1" ? "core" : "cores");
}

/** A number of things: "12 345". */
export function formatCount(count: Maybe): string {
  if (!known(count)) return MISSING;
  return Number.isInteger(count) && Math.abs(count) < 1e7 ? grouped(count) : formatNumber(count);
}

/** The value with its unit: "1.25 cores", "312 MiB/s", "40 %". What isn't known is "–". */
export function format(unit: Unit, value: Maybe): string {
  if (!known(value)) return MISSING;
  switch (unit) {
    case "cores":
      return formatCores(value);
    case "bytes":
      return formatBytes(value);
    case "bytes/s":
      return `${formatBytes(value)}/s`;
    case "share":
      return withUnit(value * 100, "%");
    case "count":
      return formatCount(value);
    case "1/s":
      return withUnit(value, "/s");
    case "s":
      return formatSeconds(value);
  }
}

/** The same with ">=" where it is only a lower bound. */
export function bounded(text: string, isLowerBound: boolean): string {
  return isLowerBound && text !== MISSING ? `>=\u00a0${text}` : text;
}

/** Whether the value is a mean over the preceding time step (else it holds at the instant). */
export const isRate = (unit: Unit) => unit !== "bytes" && unit !== "count";

/** Steps between ticks that suit the unit: bytes go by powers of two. */
export function increments(unit: Unit): number[] {
  const decades = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => [1, 2, 5].map((n) => Number(`${n}e${i + from}`))).flat();
  if (unit === "bytes" || unit === "bytes/s") return Array.from({ length: 60 }, (_, i) => 2 ** i);
  return unit === "count" ? decades(0, 9) : decades(-6, 9);
}

/** Steps between ticks of time, seconds. */
export const TIME_INCREMENTS = [
  ...[-6, -5, -4, -3, -2, -1, 0].flatMap((e) => [1, 2, 5].map((n) => Number(`${n}e${e}`))),
  ...[10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800],
];

/** Seconds on an axis that reaches to `max`: "400 ms", "12 s", "2:05", "3:20 h". */
export function axisSeconds(seconds: number, max: number): string {
  if (max < 1) return seconds === 0 ? "0" : `${formatNumber(seconds * 1000)}\u00a0ms`;
  if (max <= 120) return `${formatNumber(seconds)}\u00a0s`;
  const pad = (n: number) => String(Math.floor(n)).padStart(2, "0");
  if (max < 7200) return `${Math.floor(seconds / 60)}:${pad(seconds % 60)}`;
  return `${Math.floor(seconds / 3600)}:${pad((seconds % 3600) / 60)}\u00a0h`;
}

/** A value on an axis: all ticks of one in the same unit where that is short enough. */
export function axisValue(unit: Unit, value: number): string {
  if (value === 0) return "0";
  return unit === "cores" ? `${formatNumber(value)}\u00a0${value === 1 ? "core" : "cores"}` : format(unit, value);
}

/** An instant in the reader's own time: "14:05:09", with the date and without seconds unless it is today. */
export function formatInstant(time: string | null | undefined, now = new Date()): string {
  if (!time) return MISSING;
  const date = new Date(time);
  const two = (n: number) => String(n).padStart(2, "0");
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}`;
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return date.toDateString() === now.toDateString() ? `${clock}:${two(date.getSeconds())}` : `${day} ${clock}`;
}
