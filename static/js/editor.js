// [data-editor]: line numbers and JSON colours behind a plain text area, which stays the only thing that is edited.
// Events: editor:set (detail: text) replaces the text; editor:jump (detail: line, column) goes to a place;
// editor:marks (detail: a Map of line → error or warning) says which line numbers to mark.
const COLOURED = 200_000;
const LONG_ROW = 20_000;
const BEFORE = 3;
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

function rowOf(text, plain) {
  const row = document.createElement("span");
  if (plain || text.length > LONG_ROW) row.textContent = `${text}\n`;
  else row.append(coloured(text));
  return row;
}

// How many rows are the same at the beginning of both, and how many of the others at the end.
function unchanged(before, after) {
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before[start] === after[start]) start += 1;
  let end = 0;
  while (end < most - start && before[before.length - 1 - end] === after[after.length - 1 - end]) end += 1;
  return [start, end];
}

// Where a column of a row is, from the left edge of the screen.
function leftOf(row, column) {
  const walker = document.createTreeWalker(row, NodeFilter.SHOW_TEXT);
  const place = document.createRange();
  let rest = column - 1;
  while (walker.nextNode()) {
    const { currentNode: node } = walker;
    if (rest < node.length) {
      place.setStart(node, rest);
      place.setEnd(node, rest + 1);
      return place.getBoundingClientRect().left;
    }
    rest -= node.length;
  }
  return row.getBoundingClientRect().left;
}

function enhance(editor) {
  const text = editor.querySelector("textarea");
  const numbers = editor.querySelector(".code-lines");
  const colours = editor.querySelector(".code-highlight");
  let rows = [];
  let marks = new Map();
  let numbered = "";
  let waiting = false;

  // The layer of colours is as large as the text without its scroll bars, so that both scroll equally far.
  function follow() {
    colours.style.width = `${text.clientWidth}px`;
    colours.style.height = `${text.clientHeight}px`;
    colours.scrollTop = numbers.scrollTop = text.scrollTop;
    colours.scrollLeft = text.scrollLeft;
  }

  // Only the rows that changed are coloured anew, so that typing stays quick in a long text.
  function draw() {
    waiting = false;
    const plain = text.value.length > COLOURED;
    const after = text.value.split("\n");
    const [start, end] = unchanged(rows, after);
    const old = [...colours.children].slice(start, rows.length - end);
    const next = colours.children[rows.length - end] ?? null;
    old.forEach((row) => row.remove());
    const fresh = document.createDocumentFragment();
    after.slice(start, after.length - end).forEach((row) => fresh.append(rowOf(row, plain)));
    colours.insertBefore(fresh, next);
    rows = after;
    number();
    follow();
  }

  function number() {
    const wanted = JSON.stringify([rows.length, ...marks]);
    if (wanted === numbered) return;
    numbered = wanted;
    let plain = "";
    const parts = [];
    for (let line = 1; line <= rows.length; line += 1) {
      const mark = marks.get(line);
      if (mark) {
        parts.push(plain, span(`line-${mark}`, String(line)));
        plain = "\n";
      } else plain += `${line}\n`;
    }
    numbers.replaceChildren(...parts, `${plain}\n`);
  }

  function soon() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(draw);
  }

  function jump(line, column) {
    draw();
    const at = Math.min(Math.max(line, 1), rows.length) - 1;
    const start = rows.slice(0, at).reduce((sum, row) => sum + row.length + 1, 0);
    text.focus({ preventScroll: true });
    text.setSelectionRange(start + Math.min(Math.max(column, 1) - 1, rows[at].length), start + rows[at].length);
    const height = parseFloat(getComputedStyle(text).lineHeight);
    text.scrollTop = Math.max(0, (at - BEFORE) * height);
    text.scrollLeft = 0;
    follow();
    const left = leftOf(colours.children[at], column) - colours.getBoundingClientRect().left;
    if (left > text.clientWidth * 0.8) text.scrollLeft = left - text.clientWidth / 2;
    editor.scrollIntoView({ block: "center" });
    follow();
  }

  // What somebody wrote comes back with the browser's own undo.
  function replace(wanted) {
    const focused = document.activeElement;
    if (text.value.trim() && wanted && wanted.length <= COLOURED && text.value.length <= COLOURED && text.offsetParent) {
      text.focus({ preventScroll: true });
      text.select();
      document.execCommand("insertText", false, wanted);
      text.setSelectionRange(0, 0);
      focused?.focus?.({ preventScroll: true });
    }
    if (text.value !== wanted) text.value = wanted;
  }

  text.addEventListener("input", soon);
  text.addEventListener("scroll", follow);
  new ResizeObserver(follow).observe(editor);
  editor.addEventListener("editor:set", (event) => {
    replace(event.detail.text);
    draw();
  });
  editor.addEventListener("editor:jump", (event) => jump(event.detail.line, event.detail.column));
  editor.addEventListener("editor:marks", (event) => {
    marks = event.detail;
    number();
    follow();
  });
  draw();
}

document.querySelectorAll("[data-editor]").forEach(enhance);
document.addEventListener("htmx:load", (event) => {
  if (event.detail.elt !== document.body) event.detail.elt.querySelectorAll?.("[data-editor]").forEach(enhance);
});
