// Says that there is nothing here, and where to go.
import { html, t } from "manyhands/kit.js";

export function Page() {
  return html`<section class="card narrow"><h1>${t("not_found")}</h1><p>${t("not_found_cure")}</p><p><a class="button" href="/">${t("to_start")}</a></p></section>`;
}
