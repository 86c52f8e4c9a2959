// A line at the top while htmx waits for what a person asked for, and words when the server refuses.
import { toast, words } from "./toast.js";

let waiting = 0;

const polls = (element) => /\b(every|delay:)/.test(element.getAttribute("hx-trigger") ?? "");

function show(change) {
  waiting += change;
  document.documentElement.classList.toggle("loading", waiting > 0);
}

// The request itself tells its end: htmx does not when what asked has left the page meanwhile.
document.addEventListener("htmx:beforeSend", (event) => {
  if (polls(event.detail.elt)) return;
  show(1);
  event.detail.xhr.addEventListener("loadend", () => show(-1));
});

document.addEventListener("htmx:responseError", (event) => {
  const status = event.detail.xhr.status;
  const key = status === 404 ? "gone" : status === 403 ? "denied" : "failed";
  toast(words(key), "error");
});

document.addEventListener("htmx:sendError", (event) => {
  if (!polls(event.detail.elt)) toast(words("offline"), "error");
});
