// [data-log] shows the end of a log: it stays at its end while new lines come, unless somebody has scrolled up.
let place = null;

const atEnd = (log) => log.scrollHeight - log.scrollTop - log.clientHeight < 4;

document.addEventListener("htmx:beforeSwap", (event) => {
  const log = event.detail.target?.querySelector?.("[data-log]");
  place = log && !atEnd(log) ? log.scrollTop : null;
});

function settle(root) {
  const log = root.querySelector?.("[data-log]");
  if (log) log.scrollTop = place ?? log.scrollHeight;
}

document.addEventListener("htmx:load", (event) => settle(event.detail.elt));
settle(document);
