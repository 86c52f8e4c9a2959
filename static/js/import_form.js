// The import form: checks the package when the path or the configuration changes, and keeps what is typed meanwhile.
// Another source brings other fields, so what belongs to a source is looked up when it is needed.
const SLOWLY = 600;
const SLOWEST = 4000;
const form = document.querySelector("[data-import-form]");
let timer = 0;
let asked = 0;
let took = 0;
let sent = "";
let jumpTo = null;
let openBars = [];
let unsaved = form?.hasAttribute("data-typed");

const checker = () => form.querySelector("[data-checker]");
const editor = () => form.querySelector("[data-editor]");
const text = () => editor()?.querySelector("textarea");
const edits = () => form.elements.namedItem("config_edit");
const bars = () => [...form.querySelectorAll("#derived details")];

function check(wait = 0) {
  clearTimeout(timer);
  timer = setTimeout(() => {
    renewToken();
    checker().dispatchEvent(new CustomEvent("recheck"));
  }, wait);
}

export const checkNow = () => check();

// While somebody types: the longer the last check took, the longer the next one waits.
const slowly = () => Math.min(Math.max(SLOWLY, 2 * took), SLOWEST);

// Signing in again in another tab changes the token; this page goes on with the new one.
export function renewToken() {
  const cookie = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/);
  if (cookie) form.elements.namedItem("csrfmiddlewaretoken").value = cookie[1];
}

// Enter in a field and the Check button check; Create now goes out once.
function onSubmit(event) {
  renewToken();
  queueMicrotask(() => {
    if (!event.defaultPrevented) form.dataset.leaving = "yes";
  });
  const button = event.submitter;
  if (button?.matches("[data-check]")) {
    event.preventDefault();
    check();
  } else if (form.dataset.sent) {
    event.preventDefault();
  } else if (button?.matches("[data-create]")) {
    form.dataset.sent = "yes";
    button.setAttribute("aria-disabled", "true");
  }
}

// Coming back with the browser's back button: the form may be sent again, which is no second press then.
function onReturn(event) {
  if (event.persisted) form.elements.namedItem("submission").value = crypto.getRandomValues(new Uint32Array(4)).join("-");
  delete form.dataset.leaving;
  delete form.dataset.sent;
  form.querySelector("[data-create]").removeAttribute("aria-disabled");
}

function onLeave(event) {
  if (unsaved && !form.dataset.leaving) event.preventDefault();
}

// Another language loads the page anew: what was typed waits on the server meanwhile.
async function onLanguage(event) {
  const language = event.target;
  if (!language.matches("[data-language]") || !unsaved || form.dataset.leaving) return;
  const button = event.submitter;
  event.preventDefault();
  renewToken();
  try {
    const answer = await fetch(form.dataset.draft, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    language.elements.namedItem("next").value = (await answer.json()).address;
    form.dataset.leaving = "yes";
  } catch {
    language.removeAttribute("data-language"); // the browser's own warning asks instead
  }
  language.requestSubmit(button);
}

function setValue(button) {
  const field = document.querySelector(button.dataset.setValue);
  field.value = button.value;
  field.focus();
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

// A check that waits to be sent would take the place of what was asked for.
function ask(button) {
  clearTimeout(timer);
  renewToken();
  if (button.hasAttribute("data-config-online")) form.querySelector("[name=config_from][value=online]").checked = true;
  window.htmx.ajax("POST", checker().getAttribute("hx-post"), {
    source: checker(),
    target: checker(),
    values: { [button.name]: button.value },
  });
}

function goTo(place) {
  editor().dispatchEvent(new CustomEvent("editor:jump", { detail: place }));
}

function jump(link) {
  if (!editor()) return;
  const place = { line: Number(link.dataset.jumpLine), column: Number(link.dataset.jumpColumn) };
  if (edits().checked) return goTo(place);
  jumpTo = place;
  edits().checked = true;
  check();
}

const ACTIONS = { "[data-set-value]": setValue, "[data-config-action]": ask, "[data-jump-line]": jump };

function onClick(event) {
  for (const [selector, act] of Object.entries(ACTIONS)) {
    const target = event.target.closest(selector);
    if (target) {
      event.preventDefault();
      act(target);
    }
  }
}

// Other fields come: what was asked about the old ones must not be written over theirs.
function onReplace(event) {
  if (event.target.id !== "source-fields") return;
  clearTimeout(timer);
  checker().addEventListener("htmx:beforeSwap", (answer) => {
    answer.detail.shouldSwap = false;
  });
}

// The sign-in page must not take the place of what was asked for.
function onAnswer(event) {
  const { xhr, pathInfo } = event.detail;
  // Another check follows what was typed since.
  if (event.target === checker() && text() && text().value !== sent) event.detail.shouldSwap = false;
  const asked = new URL(pathInfo.requestPath, location.href).pathname;
  if (!xhr.responseURL || new URL(xhr.responseURL).pathname === asked) return;
  event.detail.shouldSwap = false;
  const note = document.createElement("p");
  note.className = "notice warning";
  note.textContent = form.dataset.signedOut;
  checker().replaceChildren(note);
}

// The server sends the text for the editor; what was typed since the question wins over the answer.
function fill(brought) {
  if (!brought || text()?.value !== sent) return;
  edits().checked = true;
  form.elements.namedItem("config_mark").value = brought.dataset.editorFill;
  if (text().value !== brought.value) {
    editor().dispatchEvent(new CustomEvent("editor:set", { detail: { text: brought.value } }));
  }
}

// What a sent form was told about its package is over once the package can be imported.
function settle() {
  if (!form.querySelector("#check-verdict .status.good")) {
    const worst = checker().querySelector(".repair, .finding.error");
    if (!text() || document.activeElement !== text()) worst?.scrollIntoView({ block: "nearest" });
    return;
  }
  for (const id of ["id_path", "id_image"]) {
    document.getElementById(`${id}_error`)?.remove();
    document.getElementById(id)?.removeAttribute("aria-invalid");
  }
  const summary = document.getElementById("problems");
  const over = summary?.querySelectorAll("[href='#check'], [href='#id_path'], [href='#id_image'], [href='#id_engine']") ?? [];
  over.forEach((link) => link.parentElement.remove());
  if (summary && !summary.querySelector("li")) summary.remove();
}

function onSwapped(event) {
  if (event.target !== checker()) return;
  bars().forEach((bar, index) => {
    bar.open = openBars[index] ?? false;
  });
  fill(form.querySelector("[data-editor-fill]"));
  settle();
  if (jumpTo && edits()?.checked) goTo(jumpTo);
  jumpTo = null;
}

// Of GPU and Ascend only the chosen one can be set.
function exclude() {
  form.querySelectorAll("[data-accelerator]").forEach((part) => {
    const chosen = part.querySelector("input[type=radio]").checked;
    part.querySelectorAll(".stepper > *").forEach((control) => {
      control.disabled = !chosen;
    });
  });
}

function start() {
  form.addEventListener("submit", onSubmit);
  document.addEventListener("submit", onLanguage);
  window.addEventListener("beforeunload", onLeave);
  form.addEventListener("click", onClick);
  form.addEventListener("change", renewToken, true);
  form.addEventListener("change", (event) => {
    unsaved = true;
    if (event.target.matches("[data-recheck]")) check();
    exclude();
  });
  form.addEventListener("input", (event) => {
    unsaved = true;
    if (event.target.matches("[data-recheck-slowly]")) check(slowly());
  });
  window.addEventListener("pageshow", onReturn);
  form.addEventListener("htmx:beforeRequest", (event) => {
    if (event.target !== checker()) return;
    clearTimeout(timer);
    asked = performance.now();
    sent = text()?.value;
    openBars = bars().map((bar) => bar.open);
  });
  form.addEventListener("htmx:afterRequest", (event) => {
    if (event.target === checker()) took = performance.now() - asked;
  });
  form.addEventListener("form:saved", () => {
    unsaved = false;
  });
  form.addEventListener("htmx:beforeSwap", onReplace);
  form.addEventListener("htmx:beforeSwap", onAnswer);
  form.addEventListener("htmx:afterSwap", onSwapped);
  exclude();
  const first = document.querySelector("#problems a");
  if (first) document.getElementById(first.hash.slice(1))?.focus();
}

if (form) start();
