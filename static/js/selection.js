// [data-select-all="form id"] ticks every box of that form, and is itself ticked while all of them are.
const boxesOf = (all) =>
  [...(document.getElementById(all.dataset.selectAll)?.elements ?? [])].filter((box) => box.type === "checkbox");

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-select-all]")) {
    for (const box of boxesOf(event.target)) box.checked = event.target.checked;
    return;
  }
  const all = document.querySelector(`[data-select-all="${event.target.form?.id}"]`);
  if (!all) return;
  const ticked = boxesOf(all).filter((box) => box.checked).length;
  all.checked = ticked > 0 && ticked === boxesOf(all).length;
  all.indeterminate = ticked > 0 && !all.checked;
});
