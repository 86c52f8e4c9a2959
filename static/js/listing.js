// [data-json] is a text to read: colour it as the editor does; a very large one stays plain.
import { coloured } from "./editor.js";

const COLOURED = 200_000;

function paint(root) {
  for (const text of root.querySelectorAll?.("[data-json]") ?? []) {
    if (text.childElementCount || text.textContent.length > COLOURED) continue;
    text.replaceChildren(coloured(text.textContent));
  }
}

document.addEventListener("htmx:load", (event) => paint(event.detail.elt));
paint(document);
