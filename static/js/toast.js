// toast("words", "success"): short words in the corner that leave by themselves.
const STAY = 5000;

export const words = (key) => document.getElementById("toasts")?.dataset[key] ?? "";

export function toast(text, kind = "info") {
  const place = document.getElementById("toasts");
  if (!place || !text) return;
  const notice = document.createElement("div");
  notice.className = `notice ${kind}`;
  const body = document.createElement("div");
  body.textContent = text;
  notice.append(body);
  place.append(notice);
  setTimeout(() => notice.remove(), STAY);
}

// A view may answer an htmx request with the header HX-Trigger: {"toast": {"text": "…", "kind": "success"}}.
document.addEventListener("toast", (event) => toast(event.detail.text, event.detail.kind));
