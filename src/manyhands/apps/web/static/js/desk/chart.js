// Small charts: one line over time, its last value in words beside it. Drawn as SVG, read out as a sentence.
import { html, when } from "manyhands/kit.js";

const WIDE = 320;
const HIGH = 96;
const PAD = 6;

/**
 * points   [[at_ms, value]], oldest first
 * most     value at the upper edge; absent = the largest
 * least    value at the lower edge
 * shown    value -> text
 * fill     whether the space below the line is filled
 */
export function Chart({ title, points, now, least = 0, most = undefined, shown = String, fill = true, empty = "" }) {
  const head = html`<figcaption><span>${title}</span><strong>${now ?? ""}</strong></figcaption>`;
  if (points.length < 2) return html`<figure class="chart">${head}<div class="chart-empty">${empty}</div></figure>`;
  const [first, last] = [points[0][0], points[points.length - 1][0]];
  const top = most ?? Math.max(...points.map(([, value]) => value), least + 1e-9);
  const x = (at) => PAD + ((at - first) / Math.max(1, last - first)) * (WIDE - 2 * PAD);
  const y = (value) => HIGH - PAD - ((Math.min(top, Math.max(least, value)) - least) / Math.max(1e-9, top - least)) * (HIGH - 2 * PAD);
  const line = points.map(([at, value], i) => `${i === 0 ? "M" : "L"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`).join("");
  const [endX, endY] = [x(last), y(points[points.length - 1][1])];
  const said = `${title}: ${shown(points[0][1])} – ${shown(points[points.length - 1][1])}; ${when(first)} – ${when(last)}`;
  return html`<figure class="chart">${head}
    <svg viewBox=${`0 0 ${WIDE} ${HIGH}`} preserveAspectRatio="none" role="img" aria-label=${said} dir="ltr">
      <path class="grid" d=${`M${PAD} ${y(top)}H${WIDE - PAD}M${PAD} ${y((top + least) / 2)}H${WIDE - PAD}M${PAD} ${y(least)}H${WIDE - PAD}`} />
      ${fill && html`<path class="area" d=${`${line}L${endX} ${HIGH - PAD}L${x(first)} ${HIGH - PAD}Z`} />`}
      <path class="line" d=${line} />
      <circle cx=${endX} cy=${endY} r="3" />
    </svg>
    <p class="chart-axis" aria-hidden="true" dir="ltr"><span>${shown(least)}</span><span>${shown(top)}</span></p>
  </figure>`;
}
