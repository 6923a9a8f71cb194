"use strict";
const facts = JSON.parse(document.getElementById("facts").textContent);
const made = (tag, text, name) => {
  const node = document.createElement(tag);
  if (text) node.textContent = text;
  if (name) node.className = name;
  return node;
};
const why = document.getElementById("why");
let pressed = null;

function tell(mark, button) {
  if (pressed) pressed.setAttribute("aria-pressed", "false");
  pressed = button;
  button.setAttribute("aria-pressed", "true");
  const list = made("dl");
  const row = (name, value) => value && list.append(made("dt", name), made("dd", value));
  row("How", mark.said);
  row("Why", mark.because);
  row("People", mark.people_asked ? `${mark.people_asked} asked` : "nobody was asked");
  row("Confidence", mark.confidence_bp == null ? "not calibrated" : `${mark.confidence_bp / 100} %`);
  row("They keyed", (mark.answers || []).map((one) => one || "cannot read").join(" · "));
  for (const [reader, text] of Object.entries(mark.readings || {})) row(reader, text || "nothing");
  row("As written", mark.raw !== mark.value ? mark.raw : "");
  row("Field", (mark.fields || []).join(", "));
  row("Failed", (mark.failed_checks || []).join(", "));
  row("Proof", mark.proof);
  why.replaceChildren(made("h2", "Why it is believed"), made("strong", mark.text ?? mark.value), list);
}

const sheets = new Map();
for (const page of facts.pages) sheets.set(page.page, { page, sheet: document.querySelector(`[data-page="${page.page}"] .sheet`) });

const placed = facts.marks.map((mark) => {
  const { page, sheet } = sheets.get(mark.page);
  const button = made("button", "", mark.how);
  const [x0, y0, x1, y1] = mark.box;
  button.style.left = `${(100 * x0) / page.width}%`;
  button.style.top = `${(100 * y0) / page.height}%`;
  button.style.width = `${(100 * (x1 - x0)) / page.width}%`;
  button.style.height = `${(100 * (y1 - y0)) / page.height}%`;
  button.title = mark.text || mark.said;
  button.setAttribute("aria-label", `${mark.text || "no text"}: ${mark.said}`);
  button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", () => tell(mark, button));
  sheet.append(button);
  return { mark, button };
});

for (const field of facts.fields) {
  const item = made("li");
  const button = made("button");
  button.append(made("small", field.name.replaceAll("_", " ")), made("span", field.value));
  if (field.failed_checks.length) button.append(made("small", `failed: ${field.failed_checks.join(", ")}`));
  button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", () => {
    const first = placed.find(({ mark }) => mark.fields.includes(field.name));
    if (first) first.button.scrollIntoView({ block: "center", behavior: "auto" });
    tell(field, first ? first.button : button);
  });
  item.append(button);
  document.getElementById("fields").append(item);
}
if (!facts.fields.length) document.getElementById("fields").append(made("li", "This kind of document has no named field."));

const count = (how) => facts.marks.filter((mark) => mark.how === how).length;
document.getElementById("sum").textContent =
  `${count("machine")} values believed unseen (dotted), ${count("people")} read by people (solid), ` +
  `${count("unreadable") + count("open")} open or unreadable (dashed)`;
