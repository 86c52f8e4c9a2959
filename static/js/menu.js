// details.menu: one open at a time, closed by Esc or a click elsewhere, never cut off by a scrolling table.
const menus = () => document.querySelectorAll("details.menu[open]");

function place(menu) {
  const list = menu.querySelector(".menu-list");
  if (!menu.closest(".table-wrap") || !list) return;
  const button = menu.querySelector("summary").getBoundingClientRect();
  const below = button.bottom + list.offsetHeight + 8 <= window.innerHeight;
  list.style.position = "fixed";
  list.style.insetInlineEnd = "auto";
  list.style.top = below ? `${button.bottom + 4}px` : `${Math.max(8, button.top - list.offsetHeight - 4)}px`;
  list.style.left = `${Math.max(8, button.right - list.offsetWidth)}px`;
}

document.addEventListener(
  "toggle",
  (event) => {
    const menu = event.target;
    if (!menu.matches?.("details.menu") || !menu.open) return;
    for (const other of menus()) if (other !== menu) other.open = false;
    place(menu);
  },
  true,
);

document.addEventListener("click", (event) => {
  for (const menu of menus()) {
    const inside = menu.contains(event.target);
    if (!inside || event.target.closest("[data-dialog-open]")) menu.open = false;
  }
});

// A menu with a fixed place follows its button when the page moves under it, and closes when that is out of sight.
document.addEventListener("scroll", (event) => {
  if (event.target.closest?.(".menu-list")) return;
  for (const menu of menus()) {
    const button = menu.querySelector("summary").getBoundingClientRect();
    if (button.bottom < 0 || button.top > window.innerHeight) menu.open = false;
    else place(menu);
  }
}, { capture: true, passive: true });

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of menus()) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
  const nav = document.getElementById("nav-toggle");
  if (nav?.checked) nav.checked = false;
});
