// form[data-upload]: files and folders can be dropped; each file goes as a request of its own with its progress. Without this the form works too.
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

// What a form would send: files, each with its path in the folder it was chosen or dropped with.
const chosen = new WeakMap();

const listed = (files) => [...files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));

function take(form, items) {
  chosen.set(form, items);
  form.querySelector("[data-upload-list]").replaceChildren();
  for (const item of items) line(form, item);
}

const entriesOf = (reader) => new Promise((done, fail) => reader.readEntries(done, fail));
const fileOf = (entry) => new Promise((done, fail) => entry.file(done, fail));

async function walk(entry, above = "") {
  const path = above + entry.name;
  if (entry.isFile) return [{ file: await fileOf(entry), path }];
  const found = [];
  const reader = entry.createReader();
  for (let part = await entriesOf(reader); part.length; part = await entriesOf(reader)) {
    for (const inner of part) found.push(...(await walk(inner, `${path}/`)));
  }
  return found;
}

// The entries must be asked for before the event is over; reading them may take longer.
async function dropped(transfer) {
  const files = listed(transfer.files);
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return files;
  return (await Promise.all(entries.map((entry) => walk(entry)))).flat();
}

function line(form, { file, path }) {
  const item = part("li", "upload-item");
  const words = part("span", "upload-state", form.dataset.waiting);
  const bar = part("progress", "progress");
  bar.max = 1;
  bar.value = 0;
  bar.setAttribute("aria-label", path);
  item.append(part("bdi", "upload-name", path), part("span", "upload-size", size(file.size)), words, bar);
  form.querySelector("[data-upload-list]").append(item);
  return { item, words, bar };
}

function show(row, kind, text) {
  row.item.classList.remove("good", "bad");
  if (kind) row.item.classList.add(kind);
  row.words.textContent = text;
}

function body(form, { file, path }, before) {
  const data = new FormData(form);
  data.delete("sent");
  data.append("sent", file, file.name);
  data.append("path", path);
  if (before !== null) data.append("before", before);
  return data;
}

function errors(request) {
  try {
    return JSON.parse(request.responseText).errors?.join(" ");
  } catch {
    return "";
  }
}

function send(form, item, row, before) {
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
      done(stored ? JSON.parse(request.responseText) : null);
    });
    request.send(body(form, item, before));
  });
}

async function sendAll(form) {
  const button = form.querySelector("[type=submit]");
  form.querySelector("[data-upload-list]").replaceChildren();
  const rows = chosen.get(form).map((item) => [item, line(form, item)]);
  button.disabled = true;
  let address = "";
  let stored = 0;
  let failed = 0;
  for (const [index, [item, row]] of rows.entries()) {
    const last = index === rows.length - 1 && !failed;
    const answer = await send(form, item, row, last ? stored : null);
    address = answer?.address ?? address;
    stored += answer?.files ?? 0;
    failed += answer ? 0 : 1;
  }
  button.disabled = false;
  if (!failed) window.location.assign(address);
  else if (stored) form.dataset.changed = "yes";
}

document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-upload]");
  if (!form) return;
  event.preventDefault();
  if (chosen.get(form)?.length) sendAll(form);
  else form.querySelector("[data-upload-list]").replaceChildren(part("li", "field-error", form.dataset.nothing));
});

document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-upload]");
  if (form && event.target.type === "file") take(form, listed(event.target.files));
});

for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    const zone = event.target.closest?.("[data-drop]");
    if (!zone) return;
    event.preventDefault();
    zone.classList.toggle("over", kind === "dragover");
    if (kind !== "drop") return;
    const form = zone.closest("form");
    dropped(event.dataTransfer).then(
      (items) => take(form, items),
      () => form.querySelector("[data-upload-list]").replaceChildren(part("li", "field-error", form.dataset.failed)),
    );
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
