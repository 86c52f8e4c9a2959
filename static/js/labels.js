// [data-labels] around a comma-separated text field makes a tag input of it. The field stays and keeps the whole value,
// with what is typed but not yet added, so nothing is lost whenever the form is sent.
const SEPARATORS = /[,，、\n]/;

function enhance(box) {
  const value = box.querySelector("input");
  const list = document.createElement("ul");
  list.className = "chips";
  const entry = document.createElement("input");
  entry.type = "text";
  entry.id = value.id;
  entry.placeholder = box.dataset.placeholder;
  for (const name of ["aria-describedby", "aria-invalid", "autofocus"]) {
    if (value.hasAttribute(name)) entry.setAttribute(name, value.getAttribute(name));
  }
  const note = document.createElement("p");
  note.className = "field-error";
  note.setAttribute("role", "status");

  let labels = [];

  function save() {
    value.value = [...labels, entry.value.trim()].filter(Boolean).join(", ");
  }

  function remove(index) {
    labels.splice(index, 1);
    draw();
    entry.focus();
  }

  function chip(label, index) {
    const item = document.createElement("li");
    item.className = "chip";
    const words = document.createElement("bdi");
    words.textContent = label;
    const cross = document.createElement("button");
    cross.type = "button";
    cross.className = "chip-remove";
    cross.textContent = "×";
    cross.setAttribute("aria-label", `${box.dataset.remove} ${label}`);
    cross.addEventListener("click", () => remove(index));
    item.append(words, cross);
    return item;
  }

  function draw() {
    list.replaceChildren(...labels.map(chip));
    save();
  }

  function add() {
    const typed = entry.value.split(SEPARATORS).map((part) => part.trim()).filter(Boolean);
    const kept = [];
    for (const label of typed) {
      if (labels.includes(label)) continue;
      if (labels.length < Number(box.dataset.most)) labels.push(label);
      else kept.push(label);
    }
    entry.value = kept.join(", ");
    note.textContent = kept.length ? box.dataset.full : "";
    draw();
  }

  entry.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "Enter") {
      event.preventDefault();
      add();
    } else if (event.key === "Backspace" && !entry.value && labels.length) {
      remove(labels.length - 1);
    }
  });
  entry.addEventListener("input", () => {
    if (SEPARATORS.test(entry.value)) add();
    else save();
  });
  entry.addEventListener("change", add);

  labels = [...new Set(value.value.split(SEPARATORS).map((part) => part.trim()).filter(Boolean))];
  value.type = "hidden";
  value.removeAttribute("id");
  value.removeAttribute("autofocus");
  const frame = document.createElement("div");
  frame.className = "chip-input";
  frame.append(list, entry);
  box.append(frame, note);
  draw();
}

document.querySelectorAll("[data-labels]").forEach(enhance);
