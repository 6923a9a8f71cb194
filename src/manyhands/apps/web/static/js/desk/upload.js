// Files on their way to a draft: in parts, each where the last one ended, so that a cut line costs one part at most.
//
// Rules kept here
// - The server's count is the truth: after any doubt it is asked, and sending goes on from there.
// - No network is waited for; a refusal is told with its file and never stops the others.
import { batch, signal, t } from "manyhands/kit.js";
import { at, get, post, putBytes } from "manyhands/api.js";
import "manyhands/desk/words.js";

const TRIES = 8;
const AT_ONCE = 2;
const ANNOUNCED_AT_ONCE = 200;

/** What a drop holds, folders walked through: [{name, file}]. */
export async function filesOfDrop(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (entries.length === 0) return [...transfer.files].map((file) => ({ name: file.name, file }));
  const found = [];
  for (const entry of entries) await walk(entry, "", found);
  return found;
}

async function walk(entry, folder, found) {
  if (entry.name.startsWith(".")) return;
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    found.push({ name: folder + entry.name, file });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    // a folder is told in parts too; an empty part is its end
    const part = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (part.length === 0) return;
    for (const one of part) await walk(one, `${folder}${entry.name}/`, found);
  }
}

/** What a file field holds. */
export const filesOfField = (list) => [...list].filter((file) => !file.name.startsWith(".")).map((file) => ({ name: file.webkitRelativePath || file.name, file }));

/** One draft's uploads: signals to show, and a way to send. */
export function uploads(draftId, partBytes) {
  const files = signal(new Map()); // file_no -> {name, size_bytes, received_bytes, problem}
  const sending = signal(false);
  const waiting = signal(false);
  const problems = signal([]);

  const seen = (file, change = {}) => {
    const next = new Map(files.value);
    next.set(file.file_no, { ...(next.get(file.file_no) ?? {}), ...file, ...change });
    files.value = next;
  };

  async function patiently(work) {
    for (let tried = 0; ; tried += 1) {
      try {
        const done = await work();
        waiting.value = false;
        return done;
      } catch (problem) {
        if (problem.status !== 0 || tried >= TRIES) throw problem;
        waiting.value = true;
        await new Promise((resolve) => setTimeout(resolve, Math.min(8_000, 500 * 2 ** tried)));
      }
    }
  }

  async function sendOne(told, file) {
    let here = told.received_bytes;
    while (here < file.size) {
      try {
        const part = file.slice(here, here + partBytes);
        const answer = await patiently(() => putBytes(at`/api/desk/drafts/${draftId}/files/${told.file_no}/part` + `?offset_bytes=${here}`, part));
        here = answer.received_bytes;
        seen(answer);
      } catch (problem) {
        if (problem.code !== "upload_out_of_step") throw problem;
        const draft = await patiently(() => get(at`/api/desk/drafts/${draftId}`));
        here = draft.files.find((one) => one.file_no === told.file_no)?.received_bytes ?? 0;
      }
    }
  }

  /** Sends files. true when all of them arrived. */
  async function send(wanted) {
    batch(() => {
      sending.value = true;
      problems.value = [];
    });
    const queue = [];
    try {
      for (let from = 0; from < wanted.length; from += ANNOUNCED_AT_ONCE) {
        const some = wanted.slice(from, from + ANNOUNCED_AT_ONCE).filter(({ name, file }) => {
          if (file.size > 0) return true;
          problems.value = [...problems.value, { name, message: t("file_empty") }];
          return false;
        });
        if (some.length === 0) continue;
        const told = await patiently(() => post(at`/api/desk/drafts/${draftId}/files`, { files: some.map(({ name, file }) => ({ name, size_bytes: file.size })) }));
        const byName = new Map(told.files.map((one) => [one.name, one]));
        for (const { name, file } of some) {
          const one = byName.get(plainName(name));
          if (!one) continue;
          seen(one, { problem: null });
          queue.push([one, file]);
        }
      }
      await Promise.all(Array.from({ length: AT_ONCE }, async () => {
        while (queue.length > 0) {
          const [told, file] = queue.shift();
          try {
            await sendOne(told, file);
          } catch (problem) {
            seen(told, { problem });
            problems.value = [...problems.value, { name: told.name, message: problem.message, cure: problem.cure }];
          }
        }
      }));
    } catch (problem) {
      problems.value = [...problems.value, { name: "", message: problem.message, cure: problem.cure }];
    } finally {
      batch(() => {
        sending.value = false;
        waiting.value = false;
      });
    }
    return problems.value.length === 0;
  }

  return { files, sending, waiting, problems, send, seen };
}

const plainName = (name) => name.split(/[\\/]/).filter((part) => part && part !== ".").join("/");
