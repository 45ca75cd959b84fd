/** Colours that colour-blind people can tell apart (Okabe and Ito), the same as in the crate `chart`. */

export type Rgb = readonly [number, number, number];

const BLUE: Rgb = [0, 114, 178];
const VERMILLION: Rgb = [213, 94, 0];
const ORANGE: Rgb = [230, 159, 0];
const SKY: Rgb = [86, 180, 233];
const GREEN: Rgb = [0, 158, 115];
const PURPLE: Rgb = [204, 121, 167];
const YELLOW: Rgb = [207, 196, 52];
const WHITE: Rgb = [255, 255, 255];
const INK: Rgb = [28, 32, 36];

const LINES = [BLUE, ORANGE, GREEN, SKY, PURPLE];
/** Vermillion is kept for limits and failures. */
const TASKS = [SKY, BLUE, ORANGE, GREEN, YELLOW, PURPLE];

export type Theme = "light" | "dark";

/** What lies behind a chart. */
export const GROUND: Record<Theme, Rgb> = { light: WHITE, dark: [29, 33, 37] };
export const MUTED: Record<Theme, Rgb> = { light: [87, 96, 106], dark: [163, 173, 183] };
export const GRID: Record<Theme, Rgb> = { light: [229, 232, 236], dark: [48, 54, 60] };

const at = (colours: readonly Rgb[], index: number): Rgb => colours[index % colours.length] ?? BLUE;

/** A colour between two: `share` of the second. */
export function mix(a: Rgb, b: Rgb, share: number): Rgb {
  const one = (i: 0 | 1 | 2) => Math.round(a[i] + (b[i] - a[i]) * share);
  return [one(0), one(1), one(2)];
}

export const css = ([r, g, b]: Rgb, alpha = 1) => `rgb(${r} ${g} ${b} / ${alpha})`;

function luminance(colour: Rgb): number {
  const [r, g, b] = colour.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * (r ?? 0) + 0.7152 * (g ?? 0) + 0.0722 * (b ?? 0);
}

/** The contrast of two colours, 1 to 21 (WCAG 2.2). */
export function contrast(a: Rgb, b: Rgb): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return ((high ?? 0) + 0.05) / ((low ?? 0) + 0.05);
}

/** The colour, as far towards ink or white as a line needs to be seen on the theme's ground. */
export function visible(colour: Rgb, theme: Theme, wanted = theme === "light" ? 3 : 4.5): Rgb {
  const target = theme === "light" ? INK : WHITE;
  for (let share = 0; share < 1; share += 0.05) {
    const candidate = mix(colour, target, share);
    if (contrast(candidate, GROUND[theme]) >= wanted) return candidate;
  }
  return target;
}

/** The colour of a panel's line. */
export const lineColour = (index: number, theme: Theme) => css(visible(at(LINES, index), theme));

/** The colour of a panel's stacked area: pale below, strong above. */
export function areaColour(index: number, theme: Theme): string {
  if (index === 0) return css(mix(SKY, GROUND[theme], 0.5));
  return css(mix(ORANGE, GROUND[theme], theme === "light" ? 0 : 0.15));
}

/** The colour of a task: six, then the same darker, then paler. */
export function taskRgb(index: number): Rgb {
  const base = at(TASKS, index);
  const round = Math.floor(index / TASKS.length) % 3;
  return round === 0 ? base : mix(base, round === 1 ? INK : WHITE, round === 1 ? 0.5 : 0.45);
}

export const taskColour = (index: number) => css(taskRgb(index));
export const taskLine = (index: number, theme: Theme) => css(visible(taskRgb(index), theme));
export const taskArea = (index: number) => css(taskRgb(index), 0.28);
export const limitColour = (theme: Theme) => css(visible(VERMILLION, theme));
export const requestColour = (theme: Theme) => css(MUTED[theme]);

/** Ink or white, whichever is easier to read on the colour. */
export const textOn = (ground: Rgb) => css(contrast(INK, ground) > contrast(WHITE, ground) ? INK : WHITE);

/** One of `count` curves of the same kind: the newest (0) is strongest. */
export function curveColour(index: number, count: number, theme: Theme): string {
  const share = count <= 1 ? 0 : (index / (count - 1)) * 0.5;
  return css(mix(visible(BLUE, theme, 4.5), GROUND[theme], share));
}
export const strongColour = (theme: Theme) => css(visible(ORANGE, theme));
