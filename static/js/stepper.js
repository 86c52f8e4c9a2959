// .stepper buttons with data-step="-1" or "1" move the number between them by its own step, within min and max.
document.addEventListener("click", (event) => {
  const button = event.target.closest(".stepper > [data-step]");
  const field = button?.parentElement.querySelector("input");
  if (!field || field.disabled) return;
  if (Number(button.dataset.step) > 0) field.stepUp();
  else field.stepDown();
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.dispatchEvent(new Event("change", { bubbles: true }));
});
