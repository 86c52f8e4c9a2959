// [data-dismiss=".notice"] removes the nearest element that matches.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-dismiss]");
  button?.closest(button.dataset.dismiss)?.remove();
});

// A server that says `moved` has changed a state: messages that were true until then go.
document.addEventListener("moved", () => {
  for (const notice of document.querySelectorAll(".notice.fleeting")) notice.remove();
});
