// The list of the inbox by keyboard: j/k between conflicts, / to search, ? for all keys. See card.js for the card.
// Everything works without this file, by Tab, Space and Enter on the pages themselves.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const inbox = document.querySelector("[data-inbox]");
  const pane = document.getElementById("card");
  const keys = document.querySelector("[data-keys]");
  if (!inbox || !pane) return;

  const card = () => pane.querySelector("[data-card]");
  const rows = () => [...document.querySelectorAll("[data-row]")];

  function mark() {
    const current = card()?.dataset.card;
    inbox.classList.toggle("sa-has-card", Boolean(current || pane.querySelector("[data-clear]")));
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

  function go(step) {
    const all = rows();
    if (!all.length) return;
    const at = all.findIndex((row) => row.dataset.row === card()?.dataset.card);
    const target = all[at + step] || (at < 0 ? all[0] : null);
    if (target) target.click();
    else if (step > 0) document.querySelector("[data-more]")?.click();
  }

  // the keys that there are depend on what is on the page
  function listKeys() {
    const there = {
      any: true,
      card: card(),
      fields: pane.querySelector("[data-field]:not(:disabled)"),
      several: pane.querySelectorAll("[data-field]:not(:disabled)").length > 1,
      merge: pane.querySelector("[data-field]:not(:disabled) [data-merge]"),
      suggested: pane.querySelector("[data-field]:not(:disabled) [data-suggest]"),
      options: pane.querySelector("[data-options]:not(:disabled)"),
      people: pane.querySelector("[data-people] [data-key]"),
      talk: pane.querySelector("[data-say]"),
      ticks: document.querySelector("[data-tick]"),
      undo: document.querySelector("[data-undo]"),
      candidates: pane.querySelector("[data-options]:not(:disabled) [data-candidate]"),
    };
    for (const line of keys.querySelectorAll("[data-for]")) line.hidden = !there[line.dataset.for];
    keys.showModal();
  }

  pane.addEventListener("click", (event) => {
    if (event.target.closest("[data-go]")) go(1);
    if (event.target.closest("[data-help]") && keys) listKeys();
  });

  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input:not([type=radio]):not([type=checkbox]), textarea, select");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || keys?.open) return;
    if (event.key === "j") go(1);
    else if (event.key === "k") go(-1);
    else if (event.key === "?" && keys) listKeys();
    else if (event.key === "Enter" && card() && card().dataset.state !== "open" && !event.target.closest("a, button, summary")) go(1);
    else if (event.key === "/") document.querySelector("[data-search]")?.focus();
    else return;
    event.preventDefault();
  });

  document.body.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id === "queue") mark();
  });
  document.body.addEventListener("card-shown", mark);

  mark();
});
