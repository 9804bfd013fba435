// What all own pages share: a message when the hub does not answer, and the keys dialog's closing.
"use strict";

// pages show times in this zone from the next request on
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone && !document.cookie.split("; ").includes(`syncadmin_zone=${zone}`)) {
  document.cookie = `syncadmin_zone=${zone}; path=/; max-age=31536000; samesite=lax`;
}

document.addEventListener("DOMContentLoaded", () => {
  document.querySelector(".sa-rail-here")?.scrollIntoView({ block: "nearest", inline: "center" });

  const toast = document.querySelector("[data-toast]");
  let timer = 0;

  function say(text) {
    if (!toast) return;
    toast.textContent = text;
    toast.hidden = false;
    clearTimeout(timer);
    timer = setTimeout(() => { toast.hidden = true; }, 8000);
  }

  document.body.addEventListener("htmx:sendError", (event) => {
    if (event.detail.requestConfig.verb === "get") return; // polling goes on by itself
    say(toast?.dataset.lost);
  });
  document.body.addEventListener("htmx:responseError", (event) => {
    const { status } = event.detail.xhr;
    if (status === 403) say(toast?.dataset.barred);
    else if (status === 404) say(toast?.dataset.gone);
    else say(`${toast?.dataset.error} (${status})`);
  });
});
