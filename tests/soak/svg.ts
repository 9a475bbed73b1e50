/** A drawing of what a soak has measured: a few panels above each other over one axis of time, in plain SVG. */

/** A line in a panel. */
export interface Series {
  readonly name: string;
  readonly colour: string;
  /** Seconds and values. */
  readonly points: readonly (readonly [number, number])[];
  /** Drawn as a step or dots of its own where values are far apart. @default false */
  readonly marks?: boolean | undefined;
}

/** One panel. */
export interface Panel {
  readonly title: string;
  readonly unit: string;
  readonly series: readonly Series[];
  /** Whether the axis of values grows by factors of ten. @default false */
  readonly logarithmic?: boolean | undefined;
}

/** Moments that are marked through all panels. */
export interface Moment {
  readonly at: number;
  readonly name: string;
}

const WIDTH = 960;
const LEFT = 70;
const RIGHT = 30;
const PANEL = 190;
const GAP = 56;
const TOP = 64;
/** Points of a line at the most: what is closer than a pixel is merged. */
const MOST_POINTS = 900;

/** The picture. @param seconds that the axis of time covers */
export function draw(title: string, subtitle: string, panels: readonly Panel[], moments: readonly Moment[], seconds: number): string {
  const height = TOP + panels.length * (PANEL + GAP) + 8;
  const x = (at: number): number => LEFT + at / seconds * (WIDTH - LEFT - RIGHT);
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    text(LEFT, 24, title, "font-size=\"16\" font-weight=\"600\" fill=\"#1f2328\""),
    text(LEFT, 44, subtitle, "fill=\"#59636e\""),
  ];
  for (const [index, panel] of panels.entries()) parts.push(...drawPanel(panel, TOP + index * (PANEL + GAP) + 20, x, moments, seconds));
  parts.push("</svg>", "");
  return parts.join("\n");
}

function drawPanel(panel: Panel, top: number, x: (at: number) => number, moments: readonly Moment[], seconds: number): string[] {
  const bottom = top + PANEL - 20;
  const values = panel.series.flatMap(({ points }) => points.map(([, value]) => value));
  const scale = panel.logarithmic === true ? logarithmic(values, top, bottom) : linear(values, top, bottom);
  const parts = [text(LEFT, top - 8, `${panel.title} (${panel.unit})`, "font-weight=\"600\" fill=\"#1f2328\"")];
  let legend = WIDTH - RIGHT;
  for (const { name, colour } of [...panel.series].reverse()) {
    legend -= name.length * 6.6 + 26;
    parts.push(`<rect x="${legend.toFixed(0)}" y="${top - 17}" width="12" height="10" fill="${colour}"/>`, text(legend + 16, top - 8, name, "fill=\"#59636e\""));
  }
  for (const { at, name } of moments) {
    parts.push(`<line x1="${x(at).toFixed(1)}" x2="${x(at).toFixed(1)}" y1="${top}" y2="${bottom}" stroke="#d1242f" stroke-opacity="0.18"><title>${escaped(`${name} at ${clock(at)}`)}</title></line>`);
  }
  for (const tick of scale.ticks) {
    const y = scale.y(tick);
    parts.push(`<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y.toFixed(1)}" y2="${y.toFixed(1)}" stroke="#d1d9e0" stroke-width="0.6"/>`,
      text(LEFT - 6, y + 4, short(tick), "text-anchor=\"end\" fill=\"#59636e\""));
  }
  for (const tick of timeTicks(seconds)) {
    parts.push(`<line x1="${x(tick).toFixed(1)}" x2="${x(tick).toFixed(1)}" y1="${bottom}" y2="${bottom + 4}" stroke="#59636e"/>`,
      text(x(tick), bottom + 17, clock(tick), "text-anchor=\"middle\" fill=\"#59636e\""));
  }
  for (const { points, colour, marks } of panel.series) {
    const line = thinned(points).map(([at, value], n) => `${n === 0 ? "M" : "L"}${x(at).toFixed(1)} ${scale.y(value).toFixed(1)}`).join("");
    if (line !== "") parts.push(`<path d="${line}" fill="none" stroke="${colour}" stroke-width="1.3" stroke-linejoin="round"/>`);
    if (marks === true) for (const [at, value] of points) parts.push(`<circle cx="${x(at).toFixed(1)}" cy="${scale.y(value).toFixed(1)}" r="2" fill="${colour}"/>`);
  }
  parts.push(`<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${bottom}" y2="${bottom}" stroke="#59636e"/>`);
  return parts;
}

interface Scale {
  readonly ticks: readonly number[];
  y(value: number): number;
}

function linear(values: readonly number[], top: number, bottom: number): Scale {
  const most = Math.max(1, ...values);
  const raw = most / 4;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= raw) ?? power * 10;
  const end = Math.ceil(most / step) * step;
  const ticks = Array.from({ length: Math.round(end / step) + 1 }, (_, n) => n * step);
  return { ticks, y: (value) => bottom - value / end * (bottom - top) };
}

function logarithmic(values: readonly number[], top: number, bottom: number): Scale {
  const positive = values.filter((value) => value > 0);
  const from = Math.floor(Math.log10(Math.min(1, ...positive)));
  const to = Math.max(from + 1, Math.ceil(Math.log10(Math.max(1, ...positive))));
  const ticks = Array.from({ length: to - from + 1 }, (_, n) => 10 ** (from + n));
  return { ticks, y: (value) => bottom - (Math.log10(Math.max(value, 10 ** from)) - from) / (to - from) * (bottom - top) };
}

/** The largest of every few, so that peaks stay. */
function thinned(points: Series["points"]): Series["points"] {
  if (points.length <= MOST_POINTS) return points;
  const every = Math.ceil(points.length / MOST_POINTS);
  const kept: (readonly [number, number])[] = [];
  for (let at = 0; at < points.length; at += every) kept.push(points.slice(at, at + every).reduce((a, b) => (b[1] > a[1] ? b : a)));
  return kept;
}

function timeTicks(seconds: number): number[] {
  const step = [10, 15, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400].find((n) => seconds / n <= 10) ?? 172_800;
  return Array.from({ length: Math.floor(seconds / step) + 1 }, (_, n) => n * step);
}

/** Hours, minutes and seconds. */
export function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return `${h === 0 ? "" : `${h}:`}${h === 0 ? m : String(m).padStart(2, "0")}:${String(s).padStart(2, "0")}`;
}

function short(value: number): string {
  return value >= 1000 ? value.toLocaleString("en-US") : String(Number(value.toPrecision(3)));
}

function text(x: number, y: number, content: string, attributes: string): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${escaped(content)}</text>`;
}

function escaped(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
