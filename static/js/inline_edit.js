// Small editors in place: the field has the focus when it opens, Esc cancels, and the focus returns to the pencil.
let returning = false;

document.addEventListener("htmx:load", (event) => {
  const part = event.detail.elt;
  if (part.matches?.("[data-editing]")) {
    const field = part.querySelector("[aria-invalid='true']") ?? part.querySelector("textarea, input:not([type=hidden])");
    field?.focus();
    if (field?.matches("textarea")) field.setSelectionRange(field.value.length, field.value.length);
  } else if (returning && part.matches?.("[data-inline]")) {
    returning = false;
    part.querySelector("[data-edit]")?.focus();
  }
});

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.elt.closest?.("[data-editing]")) returning = true;
});

document.addEventListener("keydown", (event) => {
  const form = event.target.closest?.("[data-editing]");
  if (!form) return;
  if (event.key === "Escape") {
    event.preventDefault();
    form.querySelector("[data-cancel]")?.click();
  } else if (event.key === "Enter" && event.target.matches("textarea") && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    form.requestSubmit();
  }
});
