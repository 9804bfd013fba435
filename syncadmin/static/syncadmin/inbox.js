// The inbox by keyboard: j/k between conflicts, 1/2/3/0/e to pick, Enter to decide, ? for all keys.
// Everything works without this file, by Tab, Space and Enter on the form itself.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const inbox = document.querySelector("[data-inbox]");
  const pane = document.getElementById("card");
  const keys = document.querySelector("[data-keys]");
  if (!inbox || !pane) return;

  const card = () => pane.querySelector("[data-card]");
  const rows = () => [...document.querySelectorAll("[data-row]")];
  const form = () => pane.querySelector("[data-decide]");
  const fields = () => [...pane.querySelectorAll("[data-field]:not(:disabled)")].filter((f) => f.querySelector("input[value=leave]"));
  const picked = (field) => field.querySelector("input[type=radio]:checked");
  const option = (digit) => pane.querySelector(`[data-options]:not(:disabled) [data-digit="${digit}"]`);

  function mark() {
    const current = card()?.dataset.card;
    inbox.classList.toggle("sa-has-card", Boolean(current));
    for (const row of rows()) {
      const here = row.dataset.row === current;
      row.classList.toggle("sa-current", here);
      if (here) {
        row.setAttribute("aria-current", "true");
        row.scrollIntoView({ block: "nearest" });
      } else {
        row.removeAttribute("aria-current");
      }
    }
  }

  function active() {
    const focused = document.activeElement?.closest?.("[data-field]");
    return fields().includes(focused) ? focused : fields().find((field) => !picked(field)) || fields()[0];
  }

  function progress() {
    const all = fields();
    const done = all.filter(picked).length;
    const line = pane.querySelector("[data-progress]");
    if (line) line.textContent = all.length > 1 ? `${done} of ${all.length} picked` : "";
    const next = all.find((field) => !picked(field));
    for (const field of all) field.classList.toggle("sa-active", field === next && all.length > 1);
  }

  function pick(field, value) {
    const radio = field.querySelector(`input[type=radio][value="${value}"]`);
    if (!radio || radio.disabled) return;
    radio.checked = true;
    radio.dispatchEvent(new Event("change", { bubbles: true }));
  }

  function go(step) {
    const all = rows();
    if (!all.length) return;
    const at = all.findIndex((row) => row.dataset.row === card()?.dataset.card);
    const target = all[at + step] || (at < 0 ? all[0] : null);
    if (target) target.click();
    else if (step > 0) document.querySelector("[data-more]")?.click();
  }

  // a group of fields follows its first pick, unless its other fields have one of their own
  pane.addEventListener("change", (event) => {
    const field = event.target.closest("[data-field]");
    if (field && event.target.type === "radio") {
      if (event.target.value === "value") field.querySelector("[data-typed]")?.focus();
      else if (field.dataset.group && !event.target.dataset.following) {
        for (const other of fields()) {
          if (other !== field && other.dataset.group === field.dataset.group) {
            const radio = other.querySelector(`input[type=radio][value="${event.target.value}"]`);
            if (radio) radio.checked = true;
          }
        }
      }
    }
    progress();
  });

  pane.addEventListener("input", (event) => {
    if (!event.target.matches("[data-typed]")) return;
    const radio = event.target.closest("[data-field]").querySelector('input[type=radio][value="value"]');
    if (radio && !radio.checked) {
      radio.checked = true;
      progress();
    }
  });

  pane.addEventListener("click", (event) => {
    const all = event.target.closest("[data-all]");
    if (all) for (const field of fields()) pick(field, all.dataset.all);
    if (event.target.closest("[data-go]")) go(1);
    if (event.target.closest("[data-help]")) keys?.showModal();
  });

  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input:not([type=radio]), textarea, select");
    if (event.key === "Escape" && typing) {
      event.target.blur();
      return;
    }
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && form()) {
      event.preventDefault();
      form().requestSubmit();
      return;
    }
    if (typing || event.ctrlKey || event.metaKey || event.altKey || keys?.open) return;
    const choice = /^[1-9]$/.test(event.key) ? option(event.key) : null;
    const field = active();
    if (event.key === "j") go(1);
    else if (event.key === "k") go(-1);
    else if (event.key === "?") keys?.showModal();
    else if (event.key === "/") document.querySelector("[data-search]")?.focus();
    else if (choice && !choice.disabled) {
      choice.checked = true;
      choice.focus();
      progress();
    } else if (field && "1230".includes(event.key) && event.key.length === 1) {
      pick(field, { 1: "left", 2: "right", 3: "base", 0: "leave" }[event.key]);
      fields().find((other) => !picked(other))?.scrollIntoView({ block: "nearest" });
      document.activeElement?.blur?.();
    } else if (event.key === "e" && field) pick(field, "value");
    else if (event.key === "Enter" && form() && !event.target.closest("a, button, summary")) form().requestSubmit();
    else return;
    event.preventDefault();
  });

  document.body.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target === pane) {
      mark();
      progress();
      window.scrollTo({ top: 0 });
      pane.querySelector("#card-title")?.focus({ preventScroll: true });
      const status = pane.querySelector("[data-status]");
      if (status) htmx.trigger(document.body, "inbox-changed");
    } else if (event.detail.target.id === "queue") {
      mark();
    }
  });

  mark();
  progress();
});
