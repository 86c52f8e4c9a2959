// [data-editor]: line numbers and JSON colours behind a plain text area, which stays the only thing that is edited.
// The event editor:set (detail: text) replaces the text; editor:jump (detail: line, column) goes to a place.
const COLOURED = 200_000;
const TOKEN = /("(?:[^"\\\n]|\\.)*")(\s*:)?|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\b|\b(true|false|null)\b|(\/\/[^\n]*|\/\*[\s\S]*?\*\/)/g;

function span(kind, text) {
  const node = document.createElement("span");
  node.className = kind;
  node.textContent = text;
  return node;
}

export function coloured(text) {
  const parts = document.createDocumentFragment();
  let end = 0;
  for (const match of text.matchAll(TOKEN)) {
    const [whole, string, colon, number, word] = match;
    parts.append(text.slice(end, match.index));
    if (string !== undefined) parts.append(span(colon ? "key" : "string", string), colon ?? "");
    else if (number !== undefined) parts.append(span("number", number));
    else parts.append(span(word === undefined ? "error" : "word", whole));
    end = match.index + whole.length;
  }
  parts.append(`${text.slice(end)}\n`);
  return parts;
}

function enhance(editor) {
  const text = editor.querySelector("textarea");
  const numbers = editor.querySelector(".code-lines");
  const colours = editor.querySelector(".code-highlight");
  let lines = 0;
  let waiting = false;

  function follow() {
    colours.scrollTop = numbers.scrollTop = text.scrollTop;
    colours.scrollLeft = text.scrollLeft;
  }

  function draw() {
    waiting = false;
    const value = text.value;
    if (value.length <= COLOURED) colours.replaceChildren(coloured(value));
    else colours.textContent = value;
    const count = value.split("\n").length;
    if (count !== lines) {
      lines = count;
      numbers.textContent = `${Array.from({ length: count }, (_, index) => index + 1).join("\n")}\n\n`;
    }
    follow();
  }

  function soon() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(draw);
  }

  function jump(line, column) {
    const rows = text.value.split("\n");
    const at = Math.min(Math.max(line, 1), rows.length) - 1;
    const start = rows.slice(0, at).reduce((sum, row) => sum + row.length + 1, 0);
    text.focus();
    text.setSelectionRange(start + Math.min(Math.max(column, 1) - 1, rows[at].length), start + rows[at].length);
    const height = parseFloat(getComputedStyle(text).lineHeight);
    text.scrollTop = Math.max(0, (at - 3) * height);
    text.scrollLeft = 0;
    editor.scrollIntoView({ block: "nearest" });
    follow();
  }

  text.addEventListener("input", soon);
  text.addEventListener("scroll", follow);
  new ResizeObserver(follow).observe(editor);
  editor.addEventListener("editor:set", (event) => {
    text.value = event.detail.text;
    draw();
  });
  editor.addEventListener("editor:jump", (event) => jump(event.detail.line, event.detail.column));
  draw();
}

document.querySelectorAll("[data-editor]").forEach(enhance);
document.addEventListener("htmx:load", (event) => {
  if (event.detail.elt !== document.body) event.detail.elt.querySelectorAll?.("[data-editor]").forEach(enhance);
});
