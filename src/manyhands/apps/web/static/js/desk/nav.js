// The ways about the desk: jobs, money, webhooks, keys.
import { html, t } from "manyhands/kit.js";
import "manyhands/desk/words.js";

const WAYS = [["/desk", "desk_jobs"], ["/desk/money", "desk_money"], ["/desk/webhooks", "desk_webhooks"], ["/account#keys", "desk_keys"]];

export function DeskWays() {
  return html`<nav class="ways" aria-label=${t("title_desk")}>${WAYS.map(([path, name]) => html`<a href=${path} aria-current=${location.pathname === path ? "page" : undefined}>${t(name)}</a>`)}</nav>`;
}
