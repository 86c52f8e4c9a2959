// [data-select-all="form id"] ticks every box of that form, and is itself ticked while all of them are. What the form
// does waits until one is.
const formOf = (all) => document.getElementById(all.dataset.selectAll);
const boxesOf = (all) => [...(formOf(all)?.elements ?? [])].filter((box) => box.type === "checkbox");

function settle(all) {
  const boxes = boxesOf(all);
  const ticked = boxes.filter((box) => box.checked).length;
  all.checked = ticked > 0 && ticked === boxes.length;
  all.indeterminate = ticked > 0 && !all.checked;
  for (const button of formOf(all)?.querySelectorAll("[type=submit]") ?? []) button.disabled = !ticked;
}

document.addEventListener("change", (event) => {
  const all = event.target.closest("[data-select-all]");
  if (all) for (const box of boxesOf(all)) box.checked = all.checked;
  const mine = all ?? document.querySelector(`[data-select-all="${event.target.form?.id}"]`);
  if (mine) settle(mine);
});

document.querySelectorAll("[data-select-all]").forEach(settle);
