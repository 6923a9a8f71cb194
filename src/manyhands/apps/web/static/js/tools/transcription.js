// Keying what a cutting shows. One module per kind of question; each exports {Task}.
import { html, signal, t, useLayoutEffect, useRef } from "manyhands/kit.js";
import { keepDraft } from "manyhands/bundle.js";

const FIELDS = {
  amount: { inputmode: "decimal", autocapitalize: "none", dir: "ltr" },
  number: { inputmode: "decimal", autocapitalize: "none", dir: "ltr" },
  date: { inputmode: "text", autocapitalize: "none", dir: "ltr" },
  code: { inputmode: "text", autocapitalize: "characters", dir: "ltr" },
  iban: { inputmode: "text", autocapitalize: "characters", dir: "ltr" },
  text: { inputmode: "text", autocapitalize: "none", dir: "auto" },
};

// some telephones' number keys lack minus, blank or slash: the worker may ask for letters
const letters = signal(false);

/** item = the assignment shown; answer(text|null) returns whether it was taken; why = why the last try was not; keep(id, text) what is not sent yet. */
export function Task({ item, answer, why, onTry, keep = keepDraft }) {
  const input = useRef(null);
  const field = FIELDS[item.question] ?? FIELDS.text;
  const id = item.assignment_id;

  useLayoutEffect(() => {
    // one field for all tasks: it keeps the focus (and a telephone's keyboard) while the task changes under it
    input.current.value = item.text ?? "";
    input.current.focus({ preventScroll: true });
    input.current.select();
  }, [id]);

  function next(event) {
    event.preventDefault();
    const text = input.current.value.trim();
    if (!text) onTry("empty");
    else if (!answer(text)) onTry("picture");
  }

  function key(event) {
    // a held key repeats: an answer wants a key press of its own
    if (event.key === "Enter" && (event.repeat || event.isComposing)) event.preventDefault();
    else if (event.key === "Enter" && event.shiftKey) {
      event.preventDefault();
      if (!answer(null)) onTry("picture");
    }
  }

  const flexible = field.inputmode === "decimal";
  return html`<form class="keying" onSubmit=${next} autocomplete="off">
    <label for="answer">${t(`question_${item.question}`)}</label>
    <div class="field">
      <input
        ref=${input}
        id="answer"
        name="answer"
        data-assignment=${id}
        inputmode=${letters.value ? "text" : field.inputmode}
        autocapitalize=${field.autocapitalize}
        dir=${field.dir}
        autocomplete="off"
        autocorrect="off"
        spellcheck=${false}
        enterkeyhint="next"
        maxlength="2000"
        aria-describedby="why"
        aria-invalid=${why ? "true" : undefined}
        onKeyDown=${key}
        onInput=${(event) => keep(id, event.currentTarget.value)}
      />
      ${flexible && html`<button type="button" class="keys" aria-pressed=${letters.value} onClick=${() => (letters.value = !letters.value)} title=${t("letters_title")}>${letters.value ? "123" : "abc"}</button>`}
    </div>
    <p id="why" class="why" role="status">${why ? t(`why_${why}`) : ""}</p>
    <button class="button next">${t("next")}<kbd aria-hidden="true">⏎</kbd></button>
  </form>`;
}
