// [data-documents]: rows are shown one by one by "add" and emptied by "remove"; without this they stand in a fold.
function enhance(group) {
  const fold = group.querySelector("details");
  const rows = [...group.querySelectorAll("[data-document]")];
  const add = group.querySelector("[data-document-add]");
  const fields = (row) => [...row.querySelectorAll("input")];
  const filled = (row) => fields(row).some((field) => field.value !== "") || row.querySelector(".field-error") !== null;

  function update() {
    add.hidden = rows.every((row) => !row.hidden);
  }

  function remove(row) {
    // The rows below move up, so that the empty one is the last.
    const shown = rows.filter((other) => !other.hidden);
    for (let index = shown.indexOf(row); index < shown.length; index += 1) {
      const next = shown[index + 1];
      fields(shown[index]).forEach((field, place) => {
        field.value = next ? fields(next)[place].value : "";
        field.removeAttribute("aria-invalid");
      });
      shown[index].querySelectorAll(".field-error").forEach((error) => error.remove());
    }
    shown.at(-1).hidden = true;
    update();
    add.focus();
  }

  add.addEventListener("click", () => {
    const row = rows.find((other) => other.hidden);
    row.hidden = false;
    update();
    fields(row)[0].focus();
  });
  rows.forEach((row) => {
    row.hidden = !filled(row);
    row.querySelector("[data-document-remove]").addEventListener("click", () => remove(row));
  });
  fold.replaceWith(...rows);
  update();
}

document.querySelectorAll("[data-documents]").forEach(enhance);
