// A row that was just added to a form is open, with the cursor in its first field.
document.addEventListener("formset:added", (event) => {
  const row = event.target;
  setTimeout(() => {
    const state = window.Alpine ? window.Alpine.$data(row) : null;
    if (state && "openRow" in state) {
      state.openRow = true;
    }
    setTimeout(() => row.querySelector("input:not([type=hidden]), textarea")?.focus(), 0);
  }, 0);
});

// Django names the picker's icons for screen readers; without a role they are silent.
window.addEventListener("load", () => setTimeout(() => {
  for (const icon of document.querySelectorAll("span.help-tooltip[aria-label]")) icon.setAttribute("role", "img");
}, 0));
