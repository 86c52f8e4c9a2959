// Choosing a path in the storage picker. A field opens it with
//   <a href="/storage/?pick=folder&field=id_path&next=…" hx-get="/storage/?pick=folder&field=id_path"
//      hx-include="#id_path" hx-target="body" hx-swap="beforeend">
// and it starts where the field points. [data-pick="/bucket/prefix/"] writes the path there and fires `change`.
document.addEventListener("click", (event) => {
  const choice = event.target.closest("[data-pick]");
  const picker = choice?.closest("[data-picker-field]");
  const field = picker && document.getElementById(picker.dataset.pickerField);
  if (!field) return;
  event.preventDefault();
  picker.closest("dialog")?.close();
  field.value = choice.dataset.pick;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.dispatchEvent(new Event("change", { bubbles: true }));
  field.focus();
});
