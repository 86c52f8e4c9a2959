// Pictures are drawn on a canvas, so that no address of theirs has to be allowed by the page's policy.
// [data-preview="#figure"]: a file input whose first picture is shown; svg[data-boxes] of an answer is laid upon it.
// canvas[data-picture]: a picture in base64.
const LARGEST = 4096;

async function draw(canvas, blob) {
  const bitmap = await createImageBitmap(blob);
  const scale = Math.min(1, LARGEST / Math.max(bitmap.width, bitmap.height));
  canvas.width = Math.round(bitmap.width * scale);
  canvas.height = Math.round(bitmap.height * scale);
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
}

async function preview(input) {
  const figure = document.querySelector(input.dataset.preview);
  if (!figure) return;
  figure.querySelector("svg")?.remove();
  figure.hidden = true;
  const file = input.files[0];
  if (!file) return;
  try {
    await draw(figure.querySelector("canvas"), file);
    figure.hidden = false;
  } catch {
    figure.hidden = true; // no picture that this browser knows
  }
}

function decode(canvas) {
  const bytes = Uint8Array.from(atob(canvas.dataset.picture), (letter) => letter.charCodeAt(0));
  canvas.removeAttribute("data-picture");
  draw(canvas, new Blob([bytes])).catch(() => canvas.remove());
}

function lay(root) {
  root.querySelectorAll("canvas[data-picture]").forEach(decode);
  const figure = document.querySelector("figure[data-pictured]");
  if (!root.querySelector("[data-answer]") && !root.matches("[data-answer]")) return;
  figure?.querySelector("svg")?.remove();
  const boxes = root.querySelector("svg[data-boxes]");
  if (boxes && figure && !figure.hidden) {
    figure.append(boxes);
    figure.scrollIntoView({ block: "nearest" });
  }
  const button = document.querySelector("[data-again]");
  const answered = document.querySelector("[data-answer='made']");
  if (button && answered) button.querySelector("span").textContent = button.dataset.again;
}

document.addEventListener("change", (event) => {
  if (event.target.matches("input[type=file][data-preview]")) preview(event.target);
});
document.addEventListener("htmx:load", (event) => lay(event.detail.elt));
document.querySelectorAll("canvas[data-picture]").forEach(decode);
