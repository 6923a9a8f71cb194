// A worker guide's few marks (headings, lists, bold, slanted, code) as nodes. Anything else stays text.
import { html, signal, useEffect, useRef } from "manyhands/kit.js";

const INLINE = /\*\*([^*]+)\*\*|\*([^*]+)\*|`([^`]+)`/g;

function inline(text) {
  const nodes = [];
  let from = 0;
  for (const match of text.matchAll(INLINE)) {
    nodes.push(text.slice(from, match.index));
    const [whole, bold, slanted, code] = match;
    nodes.push(bold ? html`<strong>${bold}</strong>` : slanted ? html`<em>${slanted}</em>` : html`<code>${code}</code>`);
    from = match.index + whole.length;
  }
  return [...nodes, text.slice(from)];
}

/** The guide without its first heading, which the page has said already. */
export function Guide({ text }) {
  const blocks = text.replace(/^# .*\n+/, "").split(/\n{2,}/);
  return html`<div class="guide" dir="auto">${blocks.map((block) => {
    const lines = block.trim().split("\n");
    if (/^#+ /.test(lines[0])) return html`<h3>${inline(lines.join(" ").replace(/^#+ /, ""))}</h3>`;
    if (!/^[-*] /.test(lines[0])) return html`<p>${inline(lines.join(" "))}</p>`;
    const items = lines.reduce((all, line) => (/^[-*] /.test(line) ? [...all, line.slice(2)] : [...all.slice(0, -1), `${all.at(-1)} ${line.trim()}`]), []);
    return html`<ul>${items.map((item) => html`<li>${inline(item)}</li>`)}</ul>`;
  })}</div>`;
}

const examples = signal(null);

/** The guide's examples; their module and pictures are fetched when their place comes into view, not before the work. */
export function Examples({ kind, open }) {
  const place = useRef(null);
  const seen = useRef(signal(false)).current;
  useEffect(() => {
    if (!open || seen.value) return undefined;
    const watch = new IntersectionObserver((entries) => {
      if (!entries.some((one) => one.isIntersecting)) return;
      watch.disconnect();
      seen.value = true;
      if (!examples.value) import("manyhands/examples.js").then((found) => (examples.value = found), () => {});
    });
    watch.observe(place.current);
    return () => watch.disconnect();
  }, [open]);
  return open ? html`<div ref=${place} class="examples-place">${seen.value && examples.value ? html`<${examples.value.Examples} kind=${kind} />` : null}</div>` : null;
}
