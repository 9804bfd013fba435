// Bulk runs and undo by keyboard: 1-4 choose a rule, Ctrl+Enter confirms, u undoes; a form is sent once only.
// Everything works without this file, by Tab, Space and Enter on the forms themselves.
"use strict";

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches?.("input:not([type=radio]):not([type=checkbox]), textarea, select");
  if (typing || event.defaultPrevented || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    const confirm = document.querySelector("[data-bulk-confirm]:not(:disabled)");
    if (!confirm) return;
    event.preventDefault();
    confirm.form.requestSubmit(confirm);
    return;
  }
  if (event.ctrlKey || event.metaKey) return;
  if (event.key === "u") {
    const undo = document.querySelector("[data-undo]:not(:disabled)");
    if (undo) {
      event.preventDefault();
      undo.form.requestSubmit(undo);
    }
    return;
  }
  const rules = document.querySelector("[data-bulk-rules]");
  const rule = rules && /^[1-9]$/.test(event.key) && rules.querySelector(`[data-digit="${event.key}"]`);
  if (rule) {
    event.preventDefault();
    rule.checked = true;
    rule.focus();
  }
});

// ticks in the list stay, although the list renews itself; x ticks the open item
const ticked = new Set();

function showTicked() {
  for (const box of document.querySelectorAll("[data-tick]")) box.checked = ticked.has(box.value);
  const button = document.querySelector("[data-ticked]");
  if (!button) return;
  button.hidden = !ticked.size;
  button.querySelector("[data-ticked-count]").textContent = ticked.size || "";
  const form = button.form;
  for (const hidden of form.querySelectorAll("input[type=hidden]")) hidden.remove();
  const shown = new Set([...document.querySelectorAll("[data-tick]")].map((box) => box.value));
  for (const value of ticked) {
    if (shown.has(value)) continue; // on another page of the list
    const hidden = document.createElement("input");
    Object.assign(hidden, { type: "hidden", name: "ticked", value });
    form.append(hidden);
  }
}

document.addEventListener("change", (event) => {
  if (!event.target.matches?.("[data-tick]")) return;
  if (event.target.checked) ticked.add(event.target.value);
  else ticked.delete(event.target.value);
  showTicked();
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "x" || event.target.matches?.("input:not([type=radio]):not([type=checkbox]), textarea, select")) return;
  document.querySelector(".sa-current")?.closest("li")?.querySelector("[data-tick]")?.click();
});

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id === "queue") showTicked();
});

document.addEventListener("DOMContentLoaded", () => {
  for (const box of document.querySelectorAll("[data-tick]:checked")) ticked.add(box.value);
  showTicked();
});

// a form that was sent is not sent again; the back button brings it back usable
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-once]") || form.hasAttribute("hx-post")) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "1";
});

window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("[data-once]")) delete form.dataset.sent;
});
