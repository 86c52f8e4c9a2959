// <textarea data-counter="#id" maxlength="100"> keeps "12/100" up to date in the element with that id.
const length = (text) => [...text].length;

function count(field) {
  const place = document.querySelector(field.dataset.counter);
  if (!place) return;
  const limit = Number(field.dataset.limit ?? field.getAttribute("maxlength"));
  place.textContent = `${length(field.value)}/${limit}`;
  place.classList.toggle("over", length(field.value) > limit);
}

document.addEventListener("input", (event) => {
  if (event.target.matches?.("[data-counter]")) count(event.target);
});

const countAll = (root) => root.querySelectorAll?.("[data-counter]").forEach(count);
document.addEventListener("htmx:load", (event) => countAll(event.detail.elt));
countAll(document);
