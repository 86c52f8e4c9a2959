// Where the tabs do not fit, the current one is moved into sight.
function reveal(root) {
  for (const tabs of root.querySelectorAll?.(".tabs") ?? []) {
    const current = tabs.querySelector("[aria-current]");
    if (current) tabs.scrollLeft = current.offsetLeft - tabs.offsetLeft - (tabs.clientWidth - current.offsetWidth) / 2;
  }
}

document.addEventListener("htmx:load", (event) => reveal(event.detail.elt));
reveal(document);
