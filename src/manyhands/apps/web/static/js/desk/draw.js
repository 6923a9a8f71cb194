// A page at full width on which a field's box is drawn: by dragging, by two clicks, or by four numbers.
//
// Rules kept here
// - A box is kept in thousandths of the page, so that it fits every page of the kind.
// - What a pointer can do, keys can do: each box has its four edges as number fields.
import { html, signal, t, useEffect, useRef } from "manyhands/kit.js";
import "manyhands/desk/words.js";

const corner = signal(null);
const live = signal(null);

const clamp = (number) => Math.max(0, Math.min(1_000, Math.round(number)));
const boxOf = (a, b) => ({ x0_permille: Math.min(a.x, b.x), y0_permille: Math.min(a.y, b.y), x1_permille: Math.max(a.x, b.x), y1_permille: Math.max(a.y, b.y) });
const large = (box) => box.x1_permille - box.x0_permille >= 5 && box.y1_permille - box.y0_permille >= 5;

/** A box of a page that was handed in with so many quarter turns clockwise, on the page set upright. */
export function uprightBox(box, turned) {
  const { x0_permille: x0, y0_permille: y0, x1_permille: x1, y1_permille: y1 } = box;
  const [a, b, c, d] = [[x0, y0, x1, y1], [y0, 1000 - x1, y1, 1000 - x0], [1000 - x1, 1000 - y1, 1000 - x0, 1000 - y0], [1000 - y1, x0, 1000 - y0, x1]][turned];
  return { ...box, x0_permille: a, y0_permille: b, x1_permille: c, y1_permille: d };
}

/** A page with boxes over it. boxes: [{x0_permille, ..., name, level?}], upright. onBox is given a new box.
 *  turned: quarter turns clockwise in which the picture lies; it is shown upright. */
export function PageWithBoxes({ page, boxes, onBox, chosen, onChoose, alt, turned = 0 }) {
  const frame = useRef(null);
  const at = (event) => {
    const rect = frame.current.getBoundingClientRect();
    return { x: clamp(((event.clientX - rect.left) / rect.width) * 1_000), y: clamp(((event.clientY - rect.top) / rect.height) * 1_000) };
  };
  const down = (event) => {
    if (!onBox || event.button !== 0) return;
    event.preventDefault();
    if (corner.value?.waiting || !frame.current.querySelector("img").complete) return; // nobody draws unseen
    corner.value = { ...at(event), waiting: false };
    frame.current.setPointerCapture(event.pointerId);
  };
  const move = (event) => {
    if (onBox && corner.value) live.value = boxOf(corner.value, at(event));
  };
  const up = (event) => {
    if (!onBox || !corner.value) return;
    const box = boxOf(corner.value, at(event));
    if (large(box)) {
      corner.value = null;
      live.value = null;
      onBox(box);
    } else if (corner.value.waiting) {
      corner.value = null;
      live.value = null;
    } else {
      corner.value = { ...corner.value, waiting: true };
    }
  };
  const rect = (box, name, i) => html`<rect key=${i} class=${name} x=${box.x0_permille} y=${box.y0_permille} width=${box.x1_permille - box.x0_permille} height=${box.y1_permille - box.y0_permille}
    onClick=${onChoose && ((event) => { event.stopPropagation(); onChoose(box, i); })} />`;
  const [wide, high] = turned % 2 ? [page.height_px, page.width_px] : [page.width_px, page.height_px];
  const size = { "--page-width": wide, "--page-height": high, ...(turned ? { aspectRatio: `${wide} / ${high}` } : {}) };
  const lying = turned ? { position: "absolute", top: "50%", left: "50%", width: `${(100 * page.width_px) / wide}%`, transform: `translate(-50%, -50%) rotate(${-90 * turned}deg)` } : undefined;
  return html`<div class=${onBox ? "sheet drawing" : "sheet"} style=${size} ref=${frame} onPointerDown=${down} onPointerMove=${move} onPointerUp=${up}>
    <img src=${page.page_url} width=${page.width_px} height=${page.height_px} alt=${alt} draggable=${false} style=${lying} />
    <svg viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true" dir="ltr">
      ${boxes.map((box, i) => rect(box, `box ${box.level ?? "drawn"}${chosen === i ? " chosen" : ""}`, i))}
      ${live.value && rect(live.value, "box drawn live", "live")}
      ${corner.value?.waiting && html`<circle class="corner" cx=${corner.value.x} cy=${corner.value.y} r="6" />`}
    </svg>
  </div>`;
}

/** The editor of one page's boxes in a dialog. */
export function DrawDialog({ page, regions, onChange, onClose }) {
  const dialog = useRef(null);
  useEffect(() => {
    corner.value = null;
    live.value = null;
    dialog.current?.showModal();
  }, [page]);
  const own = regions.map((region, i) => ({ region, i })).filter(({ region }) => region.page_no === page.page_no);
  const change = (i, values) => onChange(regions.map((region, place) => (place === i ? { ...region, ...values } : region)));
  const add = (box) => onChange([...regions, { name: freeName(regions), page_no: page.page_no, ...box }]);
  const edge = (region, i, key, label) => html`<label class="edge">${label}<input type="number" min="0" max="100" step="0.1" value=${region[key] / 10} onChange=${(event) => change(i, { [key]: clamp(Number(event.target.value) * 10) })} /></label>`;
  return html`<dialog ref=${dialog} class="draw" aria-labelledby="draw-title" onClose=${onClose}>
    <div class="head-line"><h2 id="draw-title">${t("draw_title")}</h2><button class="button small" onClick=${() => dialog.current.close()}>${t("draw_done")}</button></div>
    <p class="hint">${t("draw_why")}</p>
    <div class="draw-columns">
      <${PageWithBoxes} page=${page} boxes=${own.map(({ region }) => region)} onBox=${add} alt=${t("page_alt", { doc: page.doc_id, page: page.page_no })} />
      <div>
        ${own.length === 0 && html`<p class="quiet">${t("draw_none")}</p>`}
        <ul class="regions">${own.map(({ region, i }) => html`<li key=${i}>
          <label>${t("field_name")}<input value=${region.name} maxlength="80" onChange=${(event) => change(i, { name: event.target.value })} /></label>
          <details><summary>${t("draw_edges")}</summary><div class="edges">${edge(region, i, "x0_permille", t("edge_start"))}${edge(region, i, "y0_permille", t("edge_top"))}${edge(region, i, "x1_permille", t("edge_end"))}${edge(region, i, "y1_permille", t("edge_bottom"))}</div></details>
          <button class="plain" onClick=${() => onChange(regions.filter((_, place) => place !== i))}>${t("remove")}<span class="unseen"> ${region.name}</span></button>
        </li>`)}</ul>
        <button class="button quietly small" onClick=${() => add({ x0_permille: 100, y0_permille: 100, x1_permille: 500, y1_permille: 200 })}>${t("draw_add")}</button>
      </div>
    </div>
  </dialog>`;
}

function freeName(regions) {
  const names = new Set(regions.map((region) => region.name));
  for (let number = 1; ; number += 1) {
    const name = t("field_n", { n: number });
    if (!names.has(name)) return name;
  }
}
