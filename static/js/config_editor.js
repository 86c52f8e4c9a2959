// What belongs to the editor of a configuration on the import form: Save, and the marks of what the check says.
import { checkNow, renewToken } from "./import_form.js";

const form = document.querySelector("[data-import-form]");
const editor = () => form.querySelector("[data-editor]");
const typed = () => new URLSearchParams(new FormData(form));
let saving = Promise.resolve();

function mark() {
  const marks = new Map();
  form.querySelectorAll("#config-findings [data-jump-severity]").forEach((link) => {
    const { jumpLine, jumpSeverity } = link.dataset;
    const line = Number(jumpLine);
    if (jumpSeverity !== "info" && !marks.has(line)) marks.set(line, jumpSeverity);
  });
  const text = editor()?.querySelector("textarea");
  if (!text) return;
  editor().dispatchEvent(new CustomEvent("editor:marks", { detail: marks }));
  if (form.querySelector("#config-findings[data-broken]")) text.setAttribute("aria-invalid", "true");
  else text.removeAttribute("aria-invalid");
}

function say(words, kind = "") {
  const place = document.getElementById("config-saved");
  if (!place) return;
  place.className = `config-saved ${kind}`;
  place.textContent = words;
}

// The text is kept on the server, and the address of the page leads to it again; nothing is imported.
async function send() {
  renewToken();
  const sent = typed();
  try {
    const answer = await fetch(form.dataset.draft, { method: "POST", body: sent });
    if (answer.redirected) return say(form.dataset.signedOut, "error");
    const { address, saved } = await answer.json();
    history.replaceState(history.state, "", address);
    say(saved);
    if (typed().toString() === sent.toString()) form.dispatchEvent(new CustomEvent("form:saved"));
  } catch {
    return say(document.getElementById("config-saved")?.dataset.unsaved ?? "", "error");
  }
  checkNow();
}

// One after the other, so that an earlier text never arrives behind a later one.
function save() {
  saving = saving.then(send, send);
}

function onKey(event) {
  const saves = (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "s";
  if (!saves || !event.target.closest("[data-editor]")) return;
  event.preventDefault();
  save();
}

// What is said again in the same words is not read out again.
function onStatus(event) {
  const words = (node) => node.textContent.replace(/\s+/g, " ").trim();
  const { target, fragment } = event.detail;
  if (target?.matches?.("#config-status, #check-verdict") && words(target) === words(fragment)) {
    event.detail.shouldSwap = false;
  }
}

if (form) {
  form.addEventListener("click", (event) => {
    if (!event.target.closest("[data-config-save]")) return;
    event.preventDefault();
    save();
  });
  form.addEventListener("keydown", onKey);
  document.addEventListener("htmx:oobBeforeSwap", onStatus);
  document.addEventListener("htmx:load", mark);
  form.addEventListener("htmx:afterSwap", mark);
  form.addEventListener("htmx:oobAfterSwap", mark);
  mark();
}
