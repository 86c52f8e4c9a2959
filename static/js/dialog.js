// [data-dialog-open="#id"] shows a <dialog>; [data-dialog-close] or a click beside it closes it.
// A <dialog data-dialog-now> that htmx brings opens at once and leaves the page when it is closed.
function open(dialog) {
  if (!dialog.open) dialog.showModal();
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog-open]");
  if (opener) {
    const dialog = document.querySelector(opener.dataset.dialogOpen);
    if (!dialog) return;
    event.preventDefault();
    open(dialog);
    return;
  }
  if (event.target.closest("[data-dialog-close]")) {
    event.preventDefault();
    event.target.closest("dialog")?.close();
  }
});

// The press must have begun on the backdrop too: selecting text out of the dialog is no wish to close it.
let pressed = null;
document.addEventListener("pointerdown", (event) => {
  pressed = event.target;
});
document.addEventListener("click", (event) => {
  const dialog = event.target;
  if (!(dialog instanceof HTMLDialogElement) || pressed !== dialog) return;
  const box = dialog.getBoundingClientRect();
  const inside =
    event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
  if (!inside) dialog.close();
});

document.addEventListener("htmx:load", (event) => {
  const part = event.detail.elt;
  const dialogs = part.matches?.("dialog[data-dialog-now]") ? [part] : (part.querySelectorAll?.("dialog[data-dialog-now]") ?? []);
  for (const dialog of dialogs) {
    dialog.addEventListener("close", () => dialog.remove(), { once: true });
    open(dialog);
  }
});
