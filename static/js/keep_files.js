// input[data-keep-files="#hidden"]: what is chosen goes into the hidden field at once, so that it is never lost when the
// form comes back, or waits on the server while the language changes. Too much is left for the server to refuse.
const LARGEST = 1024 * 1024;
const MOST = 10;

async function encode(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return { name: file.name, type: file.type, data: btoa(text) };
}

function show(place, files) {
  const list = place.querySelector("ul");
  list.replaceChildren(
    ...files.map((file) => {
      const chip = document.createElement("li");
      const name = document.createElement("bdi");
      chip.className = "chip";
      name.textContent = file.name;
      chip.append(name, ` ${(file.size / 1024).toFixed(1)} KB`);
      return chip;
    }),
  );
  place.querySelector("input[type=checkbox]").checked = false;
  place.hidden = false;
}

async function keep(input) {
  const files = [...input.files];
  const total = files.reduce((sum, file) => sum + file.size, 0);
  if (!files.length || total > LARGEST || files.length > MOST) return;
  const kept = await Promise.all(files.map(encode));
  document.querySelector(input.dataset.keepFiles).value = JSON.stringify(kept);
  show(input.parentElement.querySelector("[data-kept]"), files);
  input.value = "";
}

document.addEventListener("change", (event) => {
  if (event.target.matches("input[type=file][data-keep-files]")) keep(event.target);
});
