// form[data-upload]: files can be dropped; each goes as a request of its own with its progress. Without this the form works too.
const sizes = ["B", "KB", "MB", "GB"];

function size(bytes) {
  const step = Math.min(sizes.length - 1, Math.floor(Math.log2(Math.max(bytes, 1)) / 10));
  return `${(bytes / 1024 ** step).toFixed(step ? 2 : 0)} ${sizes[step]}`;
}

function part(tag, className, text = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

function line(form, file) {
  const item = part("li", "upload-item");
  const words = part("span", "upload-state", form.dataset.waiting);
  const bar = part("progress", "progress");
  bar.max = 1;
  bar.value = 0;
  bar.setAttribute("aria-label", file.name);
  item.append(part("bdi", "upload-name", file.name), part("span", "upload-size", size(file.size)), words, bar);
  form.querySelector("[data-upload-list]").append(item);
  return { item, words, bar };
}

function show(row, kind, text) {
  row.item.classList.remove("good", "bad");
  if (kind) row.item.classList.add(kind);
  row.words.textContent = text;
}

function body(form, file) {
  const data = new FormData(form);
  data.delete("sent");
  data.append("sent", file, file.name);
  return data;
}

function errors(request) {
  try {
    return JSON.parse(request.responseText).errors?.join(" ");
  } catch {
    return "";
  }
}

function send(form, file, row) {
  return new Promise((done) => {
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", (event) => {
      row.bar.value = event.total ? event.loaded / event.total : 0;
      show(row, "", event.loaded < event.total ? form.dataset.sending : form.dataset.storing);
    });
    request.addEventListener("loadend", () => {
      const stored = request.status === 200;
      row.bar.value = stored ? 1 : 0;
      show(row, stored ? "good" : "bad", stored ? form.dataset.stored : errors(request) || form.dataset.failed);
      done(stored ? JSON.parse(request.responseText).address : "");
    });
    request.send(body(form, file));
  });
}

async function sendAll(form) {
  const input = form.querySelector("input[type=file]");
  const button = form.querySelector("[type=submit]");
  form.querySelector("[data-upload-list]").replaceChildren();
  const rows = [...input.files].map((file) => [file, line(form, file)]);
  button.disabled = true;
  let address = "";
  let failed = 0;
  for (const [file, row] of rows) {
    const answer = await send(form, file, row);
    address = answer || address;
    failed += answer ? 0 : 1;
  }
  button.disabled = false;
  if (!failed) window.location.assign(address);
  else form.dataset.changed = "yes";
}

document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-upload]");
  if (!form || !form.querySelector("input[type=file]").files.length) return;
  event.preventDefault();
  sendAll(form);
});

document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-upload]");
  if (!form || event.target.type !== "file") return;
  form.querySelector("[data-upload-list]").replaceChildren();
  for (const file of event.target.files) line(form, file);
});

for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    const zone = event.target.closest?.("[data-drop]");
    if (!zone) return;
    event.preventDefault();
    zone.classList.toggle("over", kind === "dragover");
    if (kind !== "drop") return;
    const input = zone.querySelector("input[type=file]");
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
}

// What was stored before a failure shows when the dialog closes.
document.addEventListener(
  "close",
  (event) => {
    if (event.target.querySelector?.("form[data-upload][data-changed]")) window.location.reload();
  },
  true,
);
