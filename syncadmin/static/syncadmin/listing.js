// The list of the inbox: g changes between groups and items, j/k between groups, v opens the filters.
// Everything works without this file, by Tab and Enter on the links themselves.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const queue = document.getElementById("queue");
  const filters = document.querySelector("[data-filters]");
  if (!queue) return;
  const groups = () => [...queue.querySelectorAll("[data-group]")];

  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches?.("input:not([type=radio]):not([type=checkbox]), textarea, select");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const all = groups();
    if (event.key === "f" && filters) {
      const more = filters.querySelector("[data-filter-more]");
      more.open = !more.open;
      (more.open ? more.querySelector("select") : more.querySelector("summary")).focus();
    } else if (event.key === "g") {
      queue.querySelector("[data-view]:not([aria-current])")?.click();
    } else if (all.length && (event.key === "j" || event.key === "k")) {
      const at = all.indexOf(document.activeElement);
      const next = all[at < 0 ? 0 : at + (event.key === "j" ? 1 : -1)];
      next?.focus();
    } else return;
    event.preventDefault();
  });

  // filters that are changed by links of the list (groups, tokens) are shown by the form as well
  function follow() {
    if (!filters) return;
    const query = new URLSearchParams(window.location.search);
    for (const field of filters.elements) {
      if (!field.name || field === document.activeElement) continue;
      if (field.name === "view") field.disabled = query.get("view") !== "groups";
      else field.value = query.get(field.name) || (field.tagName === "SELECT" ? field.options[0].value : "");
    }
  }

  // a list that renews itself keeps the focus on the group that had it
  let kept = "";
  document.body.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target === queue) kept = queue.contains(document.activeElement) ? document.activeElement.getAttribute("href") || "" : "";
  });
  document.body.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target !== queue || !kept) return;
    groups().find((group) => group.getAttribute("href") === kept)?.focus({ preventScroll: true });
  });
  document.body.addEventListener("htmx:pushedIntoHistory", follow);
});
