// A table that becomes a list of small cards where the window is narrow, so that nothing has to be scrolled sideways.
import { html } from "manyhands/kit.js";

/**
 * columns  [title, cell(row), "figure" | "head" | ""]; a column whose title is "" has no label on a card
 * Roles are written out: a table that is laid out as blocks is no table to a screen reader otherwise.
 */
export function Rows({ name, columns, rows }) {
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${name}><table class="rows" role="table">
    <thead role="rowgroup"><tr role="row">${columns.map(([title, , kind]) => html`<th scope="col" role="columnheader" class=${kind === "figure" ? "figure" : ""}>${title}</th>`)}</tr></thead>
    <tbody role="rowgroup">${rows.map((row) => html`<tr role="row">${columns.map(([title, cell, kind]) =>
      kind === "head"
        ? html`<th scope="row" role="rowheader" dir="auto">${cell(row)}</th>`
        : html`<td role="cell" data-title=${title} dir="auto" class=${kind ?? ""}><div>${cell(row)}</div></td>`)}</tr>`)}</tbody>
  </table></div>`;
}
