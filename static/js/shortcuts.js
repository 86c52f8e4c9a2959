// "/" goes to the search box, "?" shows the list of shortcuts.
const typing = (element) => element.closest?.("input, textarea, select, [contenteditable]");

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (event.key === "/") {
    const search = document.querySelector("dialog[open] .search-box input, main .search-box input, main [data-search]");
    if (!search) return;
    event.preventDefault();
    search.focus();
    search.select();
  } else if (event.key === "?" && !document.querySelector("dialog[open]")) {
    event.preventDefault();
    document.getElementById("shortcuts")?.showModal();
  }
});
