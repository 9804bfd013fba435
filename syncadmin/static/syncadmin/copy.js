// Buttons that copy what the field they name holds. Without a clipboard the field's text is marked instead.
"use strict";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copies]");
  if (!button) return;
  const field = document.getElementById(button.dataset.copies);
  field.focus();
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    return; // the text is marked: Ctrl+C copies it
  }
  const said = document.getElementById(`${button.dataset.copies}-copied`);
  said.textContent = button.dataset.done;
  setTimeout(() => { said.textContent = ""; }, 3000);
});
