/* Buttons that copy a field: <button data-copy="id of the field" data-done="word shown afterwards">. */
"use strict";
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const field = document.getElementById(button.dataset.copy);
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    document.execCommand("copy"); // without TLS there is no clipboard
  }
  const word = button.querySelector("span");
  if (word) word.textContent = button.dataset.done;
});
