// A line at the top while htmx waits for what a person asked for, and words when the server refuses.
import { toast, words } from "./toast.js";

let waiting = 0;

const polls = (element) => /\b(every|delay:)/.test(element.getAttribute("hx-trigger") ?? "");

function show(change, element) {
  if (polls(element)) return;
  waiting = Math.max(0, waiting + change);
  document.documentElement.classList.toggle("loading", waiting > 0);
}

document.addEventListener("htmx:beforeRequest", (event) => show(1, event.detail.elt));
document.addEventListener("htmx:afterRequest", (event) => show(-1, event.detail.elt));

document.addEventListener("htmx:responseError", (event) => {
  const status = event.detail.xhr.status;
  const key = status === 404 ? "gone" : status === 403 ? "denied" : "failed";
  toast(words(key), "error");
});

document.addEventListener("htmx:sendError", (event) => {
  if (!polls(event.detail.elt)) toast(words("offline"), "error");
});
