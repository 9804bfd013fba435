// The card of the inbox: the next card at once, and a card that follows what it shows. Picking is in picks.js.
// A decision is sent in the background while the next card, fetched beforehand, is already there. What is refused
// comes back with all that was entered; what could not be sent says so and can be sent again.

import { card, count, fields, forgetChosen, form, handled, listen, members, picked, preview, progress } from "./picks.js";

document.addEventListener("DOMContentLoaded", () => {
  const pane = document.getElementById("card");
  const words = document.querySelector("[data-card-words]")?.dataset;
  const keys = document.querySelector("[data-keys]");
  if (!pane || !words) return;

  const HX = { "HX-Request": "true" };
  const WATCH = 3000;
  let ahead = null; // the card after this one: {after, number, html}, or still on its way: {after}
  const unsent = new Set(); // decisions whose answer is not there

  const tray = () => pane.querySelector("[data-tray]");

  // ------------------------------------------------------------ what is entered is kept

  const draftName = (id) => `syncadmin-draft-${id}`;
  const isEntered = ([name]) => /^(pick|typed|hunk|followed)-|^record$/.test(name);

  function keep() {
    const now = card();
    if (!now || !form()) return;
    const data = [...new FormData(form())];
    const seen = data.filter(([name]) => name.startsWith("seen-"));
    const draft = { revision: now.dataset.revision, seen, entered: data.filter(isEntered) };
    try {
      sessionStorage.setItem(draftName(now.dataset.card), JSON.stringify(draft));
    } catch { /* full: then it is not kept over a reload */ }
  }

  const forget = (id) => sessionStorage.removeItem(draftName(id));

  function restore() {
    const now = card();
    const target = form();
    if (!now || !target || fields().some(picked) || target.querySelector("input[name=record]:checked")) return;
    let draft = null;
    try {
      draft = JSON.parse(sessionStorage.getItem(draftName(now.dataset.card)));
    } catch { /* not ours */ }
    if (!draft) return;
    const seen = new Map(draft.seen);
    const still = (name) => {
      const field = name.replace(/^(pick|typed)-|^hunk-/, "").replace(/-\d+$/, (end) => (name.startsWith("hunk-") ? "" : end));
      const shown = target.elements[`seen-${field}`];
      return shown ? shown.value === seen.get(`seen-${field}`) : draft.revision === now.dataset.revision;
    };
    for (const [name, value] of draft.entered.filter(([name]) => still(name))) {
      const input = target.elements[name];
      if (input) input.value = value; // also checks the radio of a group
    }
  }

  // ------------------------------------------------------------ showing cards

  function shown({ focus = true } = {}) {
    forgetChosen();
    restore();
    for (const field of fields()) {
      preview(field);
      count(field);
      if (field.querySelector("[data-member]")) members(field);
    }
    progress();
    if (focus) {
      window.scrollTo({ top: 0 });
      pane.querySelector("#card-title")?.focus({ preventScroll: true });
    }
    document.body.dispatchEvent(new Event("card-shown"));
    fetchAhead();
  }

  // puts a card into the pane; the lines on earlier decisions stay above it
  function show(html, options) {
    const lines = tray() ? [...tray().children] : [];
    pane.innerHTML = html;
    const place = tray();
    if (place) for (const line of lines.slice(-3)) place.append(line);
    for (const part of pane.children) if (part !== place) htmx.process(part);
    if (place) for (const line of place.children) if (!lines.includes(line)) htmx.process(line);
    shown(options);
  }

  function visit(path) {
    if (!path || path === location.pathname + location.search) return;
    history.replaceState({ htmx: true }, "", location.href); // going back loads the page anew, as htmx does
    history.pushState({ htmx: true }, "", path);
  }

  async function fetchAhead() {
    const now = card();
    if (!now || now.dataset.state !== "open" || !form()) {
      ahead = null;
      return;
    }
    const mine = { after: now.dataset.card };
    ahead = mine;
    try {
      const skip = [...unsent].map((decision) => decision.id).join(",");
      const answer = await fetch(now.dataset.next, { headers: { ...HX, "X-Skip": skip } });
      if (!answer.ok || !answer.headers.has("X-Card")) return;
      mine.number = answer.headers.get("X-Card");
      mine.html = await answer.text();
    } catch { /* then the next card comes with the answer */ }
  }

  // ------------------------------------------------------------ deciding

  document.addEventListener("submit", (event) => {
    const target = event.target;
    if (!target.matches("[data-decide]")) return;
    const nothing = !fields().some(picked) && !target.querySelector("input[name=record]:checked");
    if (nothing || target.dataset.sent) {
      event.preventDefault();
      if (nothing) tell(words.nothing);
      return;
    }
    event.preventDefault();
    target.dataset.sent = "1";
    keep();
    const now = card();
    const decision = {
      id: now.dataset.card,
      path: now.dataset.path,
      name: pane.querySelector("#card-title").textContent.trim(),
      url: target.action,
      body: new URLSearchParams(new FormData(target)),
      line: document.createElement("div"),
      gone: Boolean(ahead?.html) && ahead.after === now.dataset.card, // the next card is there: it is shown at once
    };
    unsent.add(decision);
    tray().append(decision.line);
    say(decision, words.storing, "busy");
    if (decision.gone) {
      show(ahead.html);
      visit(card()?.dataset.path || words.list);
    }
    send(decision);
  });

  function tell(text) {
    const line = pane.querySelector("[data-progress]");
    if (line) line.textContent = text;
  }

  function say(decision, text, look, ...buttons) {
    const line = decision.line;
    line.className = `sa-status sa-status-${look}`;
    line.dataset.of = decision.id;
    if (look === "bad") line.setAttribute("role", "alert");
    else line.removeAttribute("role");
    const name = document.createElement("b");
    name.textContent = decision.name;
    const spin = document.createElement("span");
    if (look === "busy") spin.className = "sa-spin";
    line.replaceChildren(spin, name, ` ${text} `, ...buttons);
  }

  function button(text, action) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "sa-button sa-small";
    made.textContent = text;
    made.addEventListener("click", action);
    return made;
  }

  async function send(decision) {
    unsent.add(decision);
    say(decision, words.storing, "busy");
    let answer;
    let html;
    try {
      const headers = decision.gone ? { ...HX, "X-Next": "shown" } : HX;
      answer = await fetch(decision.url, { method: "POST", body: decision.body, headers });
      html = await answer.text();
    } catch {
      failed(decision, words.lost);
      return;
    }
    if (answer.headers.has("HX-Redirect")) {
      unsent.delete(decision);
      location.assign(answer.headers.get("HX-Redirect"));
    } else if (!answer.ok) {
      failed(decision, `${words.error} (${answer.status})`);
    } else if (answer.headers.has("X-Refused")) {
      unsent.delete(decision);
      decision.line.remove();
      keep();
      show(html);
      visit(decision.path);
      pane.querySelector("[role=alert]")?.scrollIntoView({ block: "nearest" });
      pane.querySelector("[aria-invalid=true]")?.focus();
    } else {
      unsent.delete(decision);
      forget(decision.id);
      if (!decision.gone) {
        decision.line.remove();
        show(html);
        visit(answer.headers.get("HX-Push-Url"));
        htmx.trigger(document.body, "inbox-changed");
        return;
      }
      const made = document.createElement("template");
      made.innerHTML = html.trim();
      const line = made.content.querySelector("[data-status]");
      decision.line.replaceWith(line);
      htmx.process(line);
      htmx.trigger(document.body, "inbox-changed");
    }
  }

  function failed(decision, text) {
    say(
      decision,
      text,
      "bad",
      button(words.retry, () => send(decision)),
      ...(decision.gone ? [button(words.back, () => back(decision))] : []),
    );
    if (!decision.gone && form()) delete form().dataset.sent;
  }

  async function back(decision) {
    const answer = await fetch(decision.path, { headers: HX }).catch(() => null);
    if (!answer?.ok) return;
    unsent.delete(decision);
    decision.line.remove();
    show(await answer.text());
    visit(decision.path);
  }

  window.addEventListener("beforeunload", (event) => {
    if (unsent.size) event.preventDefault();
  });

  // ------------------------------------------------------------ following the record

  let looking = false;

  async function look() {
    const now = card();
    if (looking || !now || now.dataset.state !== "open" || document.hidden || form()?.dataset.sent) return;
    looking = true;
    try {
      const tag = `"${now.dataset.revision}-${now.dataset.state}"`;
      const answer = await fetch(now.dataset.watch, { headers: { "If-None-Match": tag }, cache: "no-store" });
      if (answer.status !== 200 || card() !== now) return;
      const body = new URLSearchParams(new FormData(now.querySelector("[data-decide]")));
      const fresh = await fetch(now.dataset.again, { method: "POST", body, headers: HX });
      if (!fresh.ok) return;
      const html = await fresh.text();
      if (card() !== now || form()?.dataset.sent) return;
      const typing = document.activeElement?.name;
      const [from, to] = [document.activeElement?.selectionStart, document.activeElement?.selectionEnd];
      show(html, { focus: false });
      const box = typing && pane.querySelector(`[name="${CSS.escape(typing)}"]:not([type=radio])`);
      box?.focus({ preventScroll: true });
      if (box && from != null) box.setSelectionRange?.(from, to);
      htmx.trigger(document.body, "inbox-changed");
    } catch { /* the hub is away: the next look will tell */ } finally {
      looking = false;
    }
  }

  setInterval(look, WATCH);
  document.addEventListener("visibilitychange", look);
  document.body.addEventListener("card-shown", look);

  // ------------------------------------------------------------ events

  listen(keep);

  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input:not([type=radio]):not([type=checkbox]), textarea, select");
    if (event.key === "Escape" && typing) {
      event.target.blur();
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && form()) {
      event.preventDefault();
      form().requestSubmit();
    } else if (typing || event.ctrlKey || event.metaKey || event.altKey || keys?.open) {
      return;
    } else if (event.key === "Enter" && form() && !event.target.closest("a, button, summary")) {
      event.preventDefault();
      form().requestSubmit();
    } else if (handled(event.key)) {
      event.preventDefault();
    }
  });

  document.body.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target === pane) shown();
  });

  shown({ focus: false });
});
