// Rows that open: [data-row-toggle="<uuid>"] brings the versions below its row; the address keeps which one is open.
const rowOf = (toggle) => document.getElementById(toggle.getAttribute("aria-controls"));

function show(toggle, open) {
  toggle.setAttribute("aria-expanded", String(open));
  toggle.closest("tr").classList.toggle("expanded", open);
  const row = rowOf(toggle);
  if (row) row.hidden = !open;
  const address = new URL(location.href);
  if (open) address.searchParams.set("open", toggle.dataset.rowToggle);
  else if (address.searchParams.get("open") === toggle.dataset.rowToggle) address.searchParams.delete("open");
  history.replaceState(history.state, "", address);
}

// An open row closes without asking the server; a closed one opens when its versions have come.
document.addEventListener("htmx:beforeRequest", (event) => {
  const toggle = event.detail.elt.closest?.("[data-row-toggle]");
  if (toggle !== event.detail.elt || toggle.getAttribute("aria-expanded") !== "true") return;
  event.preventDefault();
  show(toggle, false);
});

document.addEventListener("htmx:afterSwap", (event) => {
  const asked = event.detail.requestConfig?.elt;
  if (asked?.matches?.("[data-row-toggle]") && event.detail.successful !== false) show(asked, true);
});

// What polls inside [data-live] has come to rest when its answer asks for nothing any more: the table around it is
// then out of date, and so is a page that shows the version. Nobody who is typing in the table is disturbed.
document.addEventListener("htmx:load", (event) => {
  const part = event.detail.elt;
  const place = part.parentElement?.closest("[data-live]");
  if (!place || place !== part.parentElement || part.matches("[hx-trigger]") || part.querySelector("[hx-trigger]")) return;
  const gone = !part.matches("[id^='progress-'], .live-status");
  if (place.hasAttribute("data-reload-at-rest")) {
    if (!gone && !document.querySelector("[data-editing]")) location.reload();
  } else if (!place.closest(".versions")?.querySelector("[data-editing]")) {
    place.dispatchEvent(new CustomEvent("version-at-rest", { bubbles: true }));
  }
});

// A refresh link reloads the address as it is now, open row included.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-reload]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  location.reload();
});
