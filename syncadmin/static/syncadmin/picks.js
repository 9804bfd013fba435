// Picking on the card of the inbox: the fields, candidates and choices in front of a person, by key and by click.
// Nothing here sends anything: see card.js.

const pane = document.getElementById("card");
export const card = () => pane.querySelector("[data-card]");
export const form = () => pane.querySelector("[data-decide]:has(.sa-decide)");
export const fields = () => [...pane.querySelectorAll("[data-field]:not(:disabled)")].filter((f) => f.querySelector("input[value=leave]"));
export const picked = (field) => field.querySelector('input[name^="pick-"]:checked');
const option = (digit) => pane.querySelector(`[data-options]:not(:disabled) [data-digit="${digit}"]`);

// ------------------------------------------------------------ picking

let chosen = null; // the field that arrow keys have chosen

// another card is shown
export function forgetChosen() {
  chosen = null;
}

function active() {
  const focused = document.activeElement?.closest?.("[data-field]");
  const all = fields();
  if (all.includes(focused)) return focused;
  if (all.includes(chosen)) return chosen;
  return all.find((field) => !picked(field)) || all[0];
}

export function progress() {
  const all = fields();
  const done = all.filter(picked).length;
  const line = pane.querySelector("[data-progress]");
  if (line) line.textContent = all.length > 1 ? line.dataset.words.replace("{done}", done).replace("{all}", all.length) : "";
  const here = all.includes(chosen) ? chosen : all.find((field) => !picked(field));
  for (const field of all) field.classList.toggle("sa-active", field === here && all.length > 1);
}

function pick(field, value) {
  const radio = field.querySelector(`input[name^="pick-"][value="${value}"]`);
  if (!radio || radio.disabled) return;
  radio.checked = true;
  radio.dispatchEvent(new Event("change", { bubbles: true }));
}

function step(by) {
  const all = fields();
  const at = all.indexOf(active());
  chosen = all[Math.min(all.length - 1, Math.max(0, at + by))] || null;
  document.activeElement?.blur?.();
  chosen?.scrollIntoView({ block: "nearest" });
  progress();
}

// ------------------------------------------------------------ merging, sets, counters

const merging = (field) => picked(field)?.value === "merge";
const places = (field) => [...field.querySelectorAll("[data-hunk-row]")];
const openPlace = (field) => places(field).find((row) => row.contains(document.activeElement))
  || places(field).find((row) => !row.querySelector("input:checked"));

export function preview(field) {
  for (const row of places(field)) {
    const take = row.querySelector("input:checked")?.value || "";
    const hunk = field.querySelector(`[data-hunk="${row.dataset.hunkRow}"]`);
    if (hunk) hunk.dataset.taken = take;
  }
  const here = openPlace(field);
  for (const row of places(field)) row.classList.toggle("sa-active", row === here);
}

function takeHere(field, value) {
  const row = openPlace(field);
  const radio = row?.querySelector(`input[value="${value}"]`);
  if (!radio) return false;
  radio.checked = true;
  document.activeElement?.blur?.();
  radio.dispatchEvent(new Event("change", { bubbles: true }));
  openPlace(field)?.scrollIntoView({ block: "nearest" });
  return true;
}

export function count(field) {
  const box = field.querySelector("[data-typed]");
  const line = field.querySelector("[data-count-of]");
  if (!box || !line) return;
  const most = Number(line.dataset.countOf);
  const length = [...box.value].length;
  line.textContent = `${length} / ${most} ·`;
  line.classList.toggle("sa-over", length > most);
}

export function members(field) {
  const box = field.querySelector("[data-typed]");
  const lines = new Set(box.value.split("\n"));
  for (const button of field.querySelectorAll("[data-member]")) {
    button.setAttribute("aria-pressed", lines.has(button.dataset.member) ? "true" : "false");
  }
}

function toggle(button) {
  const field = button.closest("[data-field]");
  const box = field.querySelector("[data-typed]");
  const lines = box.value.split("\n").filter((line) => line !== "");
  const kept = lines.filter((line) => line !== button.dataset.member);
  box.value = (kept.length < lines.length ? kept : [...lines, button.dataset.member]).join("\n");
  box.dispatchEvent(new Event("input", { bubbles: true }));
}

function choose(radio) {
  radio.checked = true;
  radio.dispatchEvent(new Event("change", { bubbles: true }));
}

function notTheSame() {
  const said = pane.querySelector("[data-candidate] input:checked") || pane.querySelector("[data-candidate] input");
  const radio = said?.closest("[data-candidate]").querySelector("[data-not]");
  if (radio && !radio.closest("fieldset").disabled) choose(radio);
  return Boolean(radio);
}

function open(side) {
  const links = [...pane.querySelectorAll(`[data-open="${side}"]`)];
  links[0]?.click();
  return links.length > 0;
}

function unfold() {
  const folded = [...pane.querySelectorAll("[data-others], .sa-more")];
  const opened = folded.some((part) => part.open);
  for (const part of folded) part.open = !opened;
  return folded.length > 0;
}

const PICKS = { 1: "left", 2: "right", 3: "base", 0: "leave", e: "value", m: "merge" };
const TAKES = { 1: "left", 2: "right", 3: "base", b: "both" };

export function handled(key) {
  const field = active();
  if (field && merging(field) && key in TAKES && takeHere(field, TAKES[key])) return true;
  const choice = /^[1-9]$/.test(key) ? option(key) : null;
  if (choice && !choice.disabled) {
    choose(choice);
    choice.focus();
    return true;
  }
  if (field && key in PICKS) {
    pick(field, PICKS[key]);
    if (key !== "e") document.activeElement?.blur?.();
    (merging(field) ? openPlace(field) : fields().find((other) => !picked(other)))?.scrollIntoView({ block: "nearest" });
    return true;
  }
  if (key === "l" || key === "r") {
    for (const each of fields()) pick(each, key === "l" ? "left" : "right");
    return fields().length > 0;
  }
  if (key === "n") return notTheSame();
  if (key === "o") return open("left");
  if (key === "p") return open("right");
  if (key === "t") return unfold();
  if ((key === "ArrowDown" || key === "ArrowUp") && fields().length > 1 && document.activeElement?.type !== "radio") {
    step(key === "ArrowDown" ? 1 : -1);
    return true;
  }
  return false;
}

// what changes on the card; `entered` is told each time that something was picked or typed
export function listen(entered) {
  // a group of fields follows its first pick, unless its other fields have one of their own
  pane.addEventListener("change", (event) => {
    const field = event.target.closest("[data-field]");
    if (field && event.target.name?.startsWith("pick-")) {
      if (event.target.value === "value") field.querySelector("[data-typed]")?.focus();
      else if (field.dataset.group) {
        for (const other of fields()) {
          if (other === field || other.dataset.group !== field.dataset.group) continue;
          const radio = other.querySelector(`input[name^="pick-"][value="${event.target.value}"]`);
          if (radio) radio.checked = true;
        }
      }
    }
    if (field) preview(field);
    if (field === chosen && field && picked(field)) chosen = null;
    progress();
    entered();
  });

  pane.addEventListener("input", (event) => {
    if (!event.target.matches("[data-typed]")) return;
    const field = event.target.closest("[data-field]");
    const radio = field.querySelector('input[name^="pick-"][value="value"]');
    if (radio) radio.checked = true;
    count(field);
    if (field.querySelector("[data-member]")) members(field);
    progress();
    entered();
  });

  pane.addEventListener("click", (event) => {
    const all = event.target.closest("[data-all]");
    if (all) for (const field of fields()) pick(field, all.dataset.all);
    const member = event.target.closest("[data-member]");
    if (member) toggle(member);
  });
}
