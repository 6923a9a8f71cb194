// Questions that are not keyed: where on a page a field stands, which of two readings a cutting shows, whether a page says
// so, whether a figure is on it.
// Loaded when a bundle holds one. The question says its form and what it asks about; see task_types/asked.py.
import "manyhands/more.js";
import { html, signal, t, useLayoutEffect, useRef } from "manyhands/kit.js";
import { keepDraft } from "manyhands/bundle.js";

const NONE = "none of these";
const NEITHER = "neither of these";
const VERDICTS = { claim: ["the page says so", "the page says otherwise", "the page does not tell"], match: ["it is there", "it is there with another amount", "it is not there"] };
const MARKED = new Set(VERDICTS.claim.slice(0, 2));
const FIELDS = new Set(["total", "date", "company", "address", "invoice_number", "tax_total", "currency"]);
// of these, all that is known to stand in one place; a name or an address may take several
const IN_ONE_PLACE = new Set(["total", "date", "invoice_number", "tax_total", "currency"]);
const STEP = 10;
const LEAST_SCALE = 0.4; // a choice's lines are drawn 30 px high: 12 px are the least that is read with ease
const SIZES = 3; // of a page: whole, as wide as it is read, larger

/** {form, places, about}: "which 5 total" is five places and the total; of readings, `about` is their texts. Of questions
 *  put together `parts` are these. */
export function asked(question) {
  const [form, ...rest] = question.split(" ");
  if (form === "read") return { form, places: 0, about: JSON.parse(rest.join(" ")) };
  if (form === "several") return { form, places: 0, about: "", parts: JSON.parse(rest.join(" ")) };
  return form === "which" ? { form, places: Number(rest[0]), about: rest.slice(1).join(" ") } : { form, places: 0, about: rest.join(" ") };
}

/** What a question asks about, in the reader's language where the words are the site's. */
export function about(question) {
  const { form, about: what, parts } = asked(question);
  if (parts) return [...new Set(parts.map(about))].join(" ");
  if (form === "read") return t("read_asks");
  if (form !== "which") return what;
  return t(IN_ONE_PLACE.has(what) ? "which_asks_one" : "which_asks", { what: FIELDS.has(what) ? t(`field_${what}`) : what.replaceAll("_", " ") });
}

/** An answer as people say it: a place's number, a verdict in the reader's language. */
export function words(question, text) {
  const { form, parts } = asked(question);
  if (parts) return partsOf(text, parts.length).map((one, n) => (one ? words(parts[n], one) : "–")).join(" · ");
  const [said] = text.split(" @ ");
  if (form === "read") return text === NEITHER ? t("neither_of_these") : text;
  if (form === "which") return said === NONE ? t("none_of_these") : said;
  const number = VERDICTS[form]?.indexOf(said) ?? -1;
  return number < 0 ? said : t(`verdict_${form}_${number}`);
}

/** What is said of each of so many parts; nothing where the text is no such list. */
function partsOf(text, count) {
  try {
    const told = JSON.parse(text);
    return Array.isArray(told) && told.length === count ? told.map((one) => one ?? "") : Array(count).fill("");
  } catch {
    return Array(count).fill("");
  }
}

function Mark({ box: [x0, y0, x1, y1], kind = "" }) {
  return html`<i class=${`mark ${kind}`} style=${{ left: `${x0 / 10}%`, top: `${y0 / 10}%`, width: `${(x1 - x0) / 10}%`, height: `${(y1 - y0) / 10}%` }}></i>`;
}
const boxOf = (text) => text?.split(" @ ")[1]?.split(" ").map(Number);

/** A page with the places that answers mark, to look at. own = another one than what is right */
export function Marked({ src, text, own, alt = "" }) {
  return html`<div class="sheet shown"><img src=${src} alt=${alt} />${boxOf(own) && html`<${Mark} box=${boxOf(own)} kind="own" />`}${boxOf(text) && html`<${Mark} box=${boxOf(text)} />`}</div>`;
}

/** The readings in an order of each assignment's own: the first is no likelier than the last for anybody. */
function shuffled(texts, id) {
  const weight = (text) => [...`${id} ${text}`].reduce((sum, sign) => Math.imul(sum ^ sign.codePointAt(0), 16777619) >>> 0, 2166136261);
  return [...texts].sort((a, b) => weight(a) - weight(b) || (a < b ? -1 : 1));
}

const chosen = signal([]);
const verdict = signal("");
const mark = signal(null);
const corner = signal(null);
/** Which of the sizes a page is shown in. */
export const size = signal(1);

function begin(item) {
  const draft = item.text ?? "";
  const [said, box] = draft.split(" @ ");
  corner.value = null;
  mark.value = box ? box.split(" ").map(Number) : null;
  verdict.value = said;
  chosen.value = /^\d/.test(draft) ? draft.split(" ").map(Number) : [];
}

/** The picture; on a claim's page two taps mark a place, and the arrow keys move it. */
export function Picture({ item }) {
  const { form, parts } = asked(item.question);
  const of = parts ? asked(parts[0]).form : form;
  if (item.broken) return html`<div class="cutting broken" role="alert"><p>${t("picture_broken")}</p></div>`;
  if (!item.picture) return html`<div class="cutting loading"><p class="quiet" role="status">${t("picture_loading")}</p></div>`;
  // all places of a choice at one look where its letters stay large enough; a page as large as it can be read, or whole
  const ratio = (item.width / item.height).toFixed(3);
  const wide = of === "read" ? `min(100%, ${Math.max(item.width, 320)}px)` : of === "which" ? `max(min(100%, ${item.width}px, ${ratio} * 56vh), ${Math.round(item.width * LEAST_SCALE)}px)` : [`min(100%, ${ratio} * 56vh)`, "max(100%, 42rem)", `max(150%, ${item.width}px)`][size.value];
  const at = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    return [Math.round((1000 * (event.clientX - box.left)) / box.width), Math.round((1000 * (event.clientY - box.top)) / box.height)];
  };
  function tap(event) {
    if (form !== "claim") return;
    const here = at(event);
    if (!corner.value) {
      corner.value = here;
      mark.value = [...here, Math.min(1000, here[0] + STEP), Math.min(1000, here[1] + STEP)];
    } else {
      const [x, y] = corner.value;
      mark.value = [Math.min(x, here[0]), Math.min(y, here[1]), Math.min(1000, Math.max(x, here[0], Math.min(x, here[0]) + STEP)), Math.min(1000, Math.max(y, here[1], Math.min(y, here[1]) + STEP))];
      corner.value = null;
    }
  }
  function move(event) {
    const by = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[event.key];
    if (form !== "claim" || !by) return;
    event.preventDefault();
    event.stopPropagation();
    const [x0, y0, x1, y1] = mark.value ?? [400, 450, 600, 480];
    const within = (n, least) => Math.min(1000, Math.max(least, n));
    mark.value = event.shiftKey ? [x0, y0, within(x1 + by[0], x0 + STEP), within(y1 + by[1], y0 + STEP)] : x0 + by[0] < 0 || x1 + by[0] > 1000 || y0 + by[1] < 0 || y1 + by[1] > 1000 ? mark.value : [x0 + by[0], y0 + by[1], x1 + by[0], y1 + by[1]];
  }
  const sizes = of !== "which" && of !== "read" && html`<div class="sizes">${[[-1, "page_smaller", "−"], [1, "page_larger", "+"]].map(([by, name, sign]) => html`<button type="button" class="button quietly" disabled=${size.value + by < 0 || size.value + by >= SIZES} aria-label=${t(name)} title=${t(name)} onClick=${() => (size.value += by)}>${sign}</button>`)}</div>`;
  return html`${sizes}<div class="cutting page" tabindex="0" role="group" aria-label=${t(form === "claim" ? "page_to_mark" : "cutting")} onKeyDown=${move}>
    <div class="sheet" style=${{ inlineSize: wide }} onClick=${tap}>
      <img key=${item.assignment_id} src=${item.picture} data-assignment=${item.assignment_id} style=${{ inlineSize: "100%" }} alt=${t("page_alt")} draggable=${false} />
      ${mark.value && html`<${Mark} box=${mark.value} />`}
    </div>
  </div>`;
}

/** What counts as the field, in the requester's words or the kind's. meanings: field -> sentences */
function Means({ meanings, field }) {
  return meanings?.[field]?.map((one) => html`<p class="means" dir="auto">${one}</p>`) ?? null;
}

const told = signal([]);

/** Questions put together: each has its own buttons, and all are sent at once. Digits answer the one that is in focus. */
function Parts({ item, answer, why, onTry, keep, meanings }) {
  const id = item.assignment_id;
  const { parts } = asked(item.question);
  const firsts = useRef([]);
  useLayoutEffect(() => {
    told.value = partsOf(item.text ?? "", parts.length);
    firsts.current[0]?.focus({ preventScroll: true });
  }, [id]);
  const at = (n) => told.value[n] ?? "";
  const open = () => parts.findIndex((_, n) => !at(n));
  function put(n, text) {
    told.value = parts.map((_, m) => (m === n ? text : at(m)));
    onTry("");
    keep(id, JSON.stringify(told.value));
  }
  function next(event) {
    event?.preventDefault();
    const left = open();
    if (left >= 0) {
      firsts.current[left]?.focus();
      onTry("choose_each");
    } else if (!answer(JSON.stringify(told.value))) onTry("picture");
  }
  function toggle(n, number) {
    const { about: field } = asked(parts[n]);
    const now = at(n).split(" ").filter((one) => /^\d+$/.test(one)).map(Number);
    const others = IN_ONE_PLACE.has(field) ? [] : now.filter((one) => one !== number);
    put(n, (now.includes(number) ? others : [...others, number]).sort((a, b) => a - b).join(" "));
  }
  function key(event, n, options) {
    if (event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
    const number = Number(event.key);
    if (event.key === "Enter" && event.shiftKey) {
      event.preventDefault();
      if (!answer(null)) onTry("picture");
    } else if (event.key === "Enter") {
      // on to what is still open, and in the end away; the button in focus is pressed by the space bar
      next(event);
    } else if (options && number >= 1 && number <= options.length) {
      put(n, options[number - 1]);
      firsts.current[n + 1]?.focus();
    } else if (!options && number >= 1 && number <= Math.min(9, asked(parts[n]).places)) toggle(n, number);
  }
  return html`<form class="keying" onSubmit=${next}>
    ${parts.map((question, n) => {
      const { form, places, about: what } = asked(question);
      const options = form === "read" ? [...shuffled(what, `${id} ${n}`), NEITHER] : null;
      const first = (m) => (m === 0 ? (element) => (firsts.current[n] = element) : undefined);
      return html`<div class="part" key=${n} onKeyDown=${(event) => key(event, n, options)}>
        <p class="asks" id=${`asks-${n}`}><strong dir="auto">${options ? t("line_asks", { n: n + 1 }) : about(question)}</strong></p>
        ${!options && html`<${Means} meanings=${meanings} field=${what} />`}
        <div class=${options ? "readings" : "places"} role="group" aria-labelledby=${`asks-${n}`}>
          ${options
            ? options.map((text, m) => html`<button key=${text} type="button" ref=${first(m)} class=${text === NEITHER ? "button quietly" : "button quietly reading"} aria-pressed=${at(n) === text} dir=${text === NEITHER ? undefined : "auto"} onClick=${() => put(n, text)}><kbd aria-hidden="true">${m + 1}</kbd> <span>${text === NEITHER ? t("neither_of_these") : text}</span></button>`)
            : html`${Array.from({ length: places }, (_, m) => html`<button type="button" ref=${first(m)} class="button quietly" aria-pressed=${at(n).split(" ").includes(String(m + 1))} onClick=${() => toggle(n, m + 1)}>${m + 1}</button>`)}
                <button type="button" class="button quietly" aria-pressed=${at(n) === NONE} onClick=${() => put(n, NONE)}>${t("none_of_these")}</button>`}
        </div>
      </div>`;
    })}
    <p id="why" class="why" role="status">${why ? t(`why_${why}`) : ""}</p>
    <button class="button next">${t("next")}<kbd aria-hidden="true">⏎</kbd></button>
  </form>`;
}

/** As the tool for keying: item = the assignment shown; answer(text|null) returns whether it was taken.
 *  meanings = field -> what counts as it, in the reader's language. */
export function Task({ item, answer, why, onTry, keep = keepDraft, meanings }) {
  if (asked(item.question).parts) return html`<${Parts} key="parts" item=${item} answer=${answer} why=${why} onTry=${onTry} keep=${keep} meanings=${meanings} />`;
  return html`<${One} key="one" item=${item} answer=${answer} why=${why} onTry=${onTry} keep=${keep} meanings=${meanings} />`;
}

function One({ item, answer, why, onTry, keep, meanings }) {
  const first = useRef(null);
  const id = item.assignment_id;
  const { form, places, about: field } = asked(item.question);
  useLayoutEffect(() => {
    begin(item);
    first.current?.focus({ preventScroll: true });
  }, [id]);

  function said() {
    if (form === "which") return chosen.value.length ? [...chosen.value].sort((a, b) => a - b).join(" ") : "";
    if (form === "claim" && MARKED.has(verdict.value)) return mark.value ? `${verdict.value} @ ${mark.value.join(" ")}` : "";
    return VERDICTS[form].includes(verdict.value) ? verdict.value : "";
  }
  function next(event) {
    event?.preventDefault();
    const text = said();
    if (!text) onTry(form === "claim" && MARKED.has(verdict.value) ? "mark" : "choose");
    else if (!answer(text)) onTry("picture");
  }
  function toggle(number) {
    const others = IN_ONE_PLACE.has(field) ? [] : chosen.value.filter((one) => one !== number);
    chosen.value = chosen.value.includes(number) ? others : [...others, number];
    keep(id, chosen.value.join(" "));
  }
  function key(event) {
    if (event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
    const number = Number(event.key);
    if (event.key === "Enter" && event.shiftKey) {
      event.preventDefault();
      if (!answer(null)) onTry("picture");
    } else if (event.key === "Enter" && chosen.value.length && event.target.closest(".places")) {
      next(event); // what is chosen is sent; the button in focus is pressed by the space bar
    } else if (form === "which" && number >= 1 && number <= Math.min(9, places)) toggle(number);
    else if (form === "read" && number >= 1 && number <= options.length) give(options[number - 1]);
    else if (form in VERDICTS && number >= 1 && number <= 3) verdict.value = VERDICTS[form][number - 1];
  }

  const options = form === "read" ? [...shuffled(field, id), NEITHER] : [];
  const give = (text) => (answer(text) ? undefined : onTry("picture"));
  if (form === "read") {
    return html`<div class="keying" onKeyDown=${key}>
      <p class="asks" id="asks"><strong>${t("read_asks")}</strong></p>
      <div class="readings" role="group" aria-labelledby="asks">
        ${options.map((text, n) => html`<button key=${text} type="button" ref=${n === 0 ? first : undefined} class=${text === NEITHER ? "button quietly" : "button quietly reading"} dir=${text === NEITHER ? undefined : "auto"} onClick=${() => give(text)}><kbd aria-hidden="true">${n + 1}</kbd> <span>${text === NEITHER ? t("neither_of_these") : text}</span></button>`)}
      </div>
      <p id="why" class="why" role="status">${why ? t(`why_${why}`) : ""}</p>
    </div>`;
  }
  return html`<form class="keying" onSubmit=${next} onKeyDown=${key}>
    <p class="asks" id="asks">${form === "match" && html`<span class="quiet">${t("match_asks")}</span> `}${form === "claim" && html`<span class="quiet">${t("claim_asks")}</span> `}<strong dir="auto">${about(item.question)}</strong></p>
    ${form === "which" && html`<${Means} meanings=${meanings} field=${field} />`}
    ${form === "which"
      ? html`<div class="places" role="group" aria-labelledby="asks">
          ${Array.from({ length: places }, (_, n) => html`<button type="button" ref=${n === 0 ? first : undefined} class="button quietly" aria-pressed=${chosen.value.includes(n + 1)} onClick=${() => toggle(n + 1)}>${n + 1}</button>`)}
          <button type="button" class="button quietly" onClick=${() => (answer(NONE) ? undefined : onTry("picture"))}>${t("none_of_these")}</button>
        </div>`
      : html`<fieldset class="verdicts"><legend class="unseen">${t("your_verdict")}</legend>${VERDICTS[form].map((one, n) => html`<label class="choice"><input type="radio" name="verdict" ref=${n === 0 ? first : undefined} checked=${verdict.value === one} onChange=${() => (verdict.value = one)} /> <span>${t(`verdict_${form}_${n}`)}</span></label>`)}</fieldset>
          ${form === "claim" && MARKED.has(verdict.value) && html`<p class="hint" role="status">${t(corner.value ? "mark_second" : mark.value ? "mark_done" : "mark_first")}</p>`}`}
    <p id="why" class="why" role="status">${why ? t(`why_${why}`) : ""}</p>
    <button class="button next">${t("next")}<kbd aria-hidden="true">⏎</kbd></button>
  </form>`;
}
