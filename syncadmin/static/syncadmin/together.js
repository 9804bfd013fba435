// People around an item: keys for claim, assign, put off, hold, second look and comments; the beat of an open card.
// Everything works without this file, by Tab, Space and Enter on the forms themselves.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const strip = () => document.querySelector("[data-people]");
  const menus = () => [...document.querySelectorAll("[data-people] .sa-menu")];
  let active = false;

  for (const kind of ["keydown", "pointerdown", "input"]) {
    document.addEventListener(kind, () => { active = true; }, { capture: true, passive: true });
  }

  // a beat says whether somebody was at work since the last one; a page that nobody sees does not beat
  document.body.addEventListener("htmx:configRequest", (event) => {
    if (!event.detail.elt.matches("[data-beat]")) return;
    if (document.hidden) event.preventDefault();
    else if (active) event.detail.parameters.set("active", "1");
    active = false;
  });

  // what somebody is typing or choosing is not swapped away by a beat
  document.body.addEventListener("htmx:beforeSwap", (event) => {
    if (!event.detail.requestConfig.elt.matches("[data-beat]")) return;
    const busy = menus().some((menu) => menu.open) || strip()?.contains(document.activeElement);
    if (busy || event.detail.requestConfig.elt.closest("[data-people]") !== strip()) event.detail.shouldSwap = false;
  });
  document.body.addEventListener("htmx:oobBeforeSwap", (event) => {
    if (!event.detail.target.isConnected) event.detail.shouldSwap = false;
  });

  function close(menu, focus) {
    menu.open = false;
    if (focus) menu.querySelector("summary").focus();
  }

  function press(target) {
    const menu = target.closest(".sa-menu");
    if (!menu) {
      if (target.matches("input")) target.focus();
      else target.click();
      return;
    }
    for (const other of menus()) if (other !== menu) other.open = false;
    menu.open = !menu.open;
    if (menu.open) menu.querySelector("select, input:not([type=hidden]), textarea, button")?.focus();
  }

  document.addEventListener("click", (event) => {
    for (const menu of menus()) if (menu.open && !menu.contains(event.target)) menu.open = false;
  });

  document.addEventListener("keydown", (event) => {
    const open = menus().find((menu) => menu.open);
    if (event.key === "Escape" && open) {
      close(open, true);
      return;
    }
    const typing = event.target.matches("input:not([type=radio]):not([type=checkbox]), textarea, select");
    const elsewhere = document.querySelector("dialog[open]");
    if (typing || open || elsewhere || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "w") {
      const box = document.querySelector("[data-say]");
      if (!box) return;
      box.focus();
      box.scrollIntoView({ block: "center" });
    } else {
      const target = /^[acshy]$/.test(event.key) && strip()?.querySelector(`[data-key="${event.key}"]`);
      if (!target) return;
      press(target);
    }
    event.preventDefault();
  });

  // Ctrl Enter in a comment says it, and does not decide
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    const form = event.target.closest?.(".sa-say, .sa-menu-body, .sa-answer");
    if (!form) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (!form.matches(".sa-answer")) form.requestSubmit();
  }, { capture: true });
});
