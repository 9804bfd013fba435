// Suggestions on the card of the inbox: `v` or a click takes what is suggested, as a pick like any other. It is noted
// that the pick followed a suggestion, so that suggestions do not feed themselves.

import { fields, picked } from "./picks.js";

const pane = document.getElementById("card");
const note = (field) => field.querySelector('[data-suggest] input[name^="followed-"]');

function follow(field) {
  const side = field.querySelector("[data-suggest]").dataset.suggest;
  const radio = field.querySelector(`input[name^="pick-"][value="${side}"]`);
  if (!radio || radio.disabled) return;
  radio.checked = true;
  note(field).value = side;
  radio.dispatchEvent(new Event("change", { bubbles: true }));
}

const suggested = () => fields().filter((field) => field.querySelector("[data-suggest]"));

pane?.addEventListener("click", (event) => {
  const button = event.target.closest("[data-follow]");
  if (button) follow(button.closest("[data-field]"));
});

// what is picked otherwise, by any other way, follows nothing; before anybody keeps what is entered
pane?.addEventListener("change", (event) => {
  const field = event.target.closest("[data-field]");
  const kept = field && note(field);
  if (kept && kept.value !== (picked(field)?.value ?? "")) kept.value = "";
}, true);

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input:not([type=radio]):not([type=checkbox]), textarea, select");
  if (event.key !== "v" || typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (document.querySelector("dialog[open]")) return;
  const open = suggested();
  const free = open.filter((field) => !picked(field));
  for (const field of free.length ? free : open) follow(field);
  if (open.length) {
    event.preventDefault();
    document.activeElement?.blur?.();
    fields().find((field) => !picked(field))?.scrollIntoView({ block: "nearest" });
  }
});
