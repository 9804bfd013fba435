// Forms of the way to a mapping: only what fits the chosen kind is shown; lists can be searched; slow tests say so.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("[data-chooses]").forEach((select) => {
    const form = select.closest("form");
    const show = () => {
      form.querySelectorAll(".sa-typed[data-only]").forEach((row) => {
        row.hidden = !row.dataset.only.split(" ").includes(select.value);
      });
    };
    select.addEventListener("change", show);
    show();
  });

  document.querySelectorAll("[data-filters]").forEach((field) => {
    const rows = document.getElementById(field.dataset.filters).children;
    field.addEventListener("input", () => {
      const wanted = field.value.trim().toLowerCase();
      for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
    });
  });

  // what is to be typed next: the first field that is wrong, or the first one
  (document.querySelector(".sa-typed-wrong :is(input, select)") ?? document.querySelector(".sa-typed input"))?.focus();

  document.querySelectorAll("form[data-busy]").forEach((form) => {
    form.addEventListener("submit", () => {
      const button = form.querySelector("button[type=submit]");
      button.disabled = true;
      button.textContent = form.dataset.busy;
    });
  });
});
