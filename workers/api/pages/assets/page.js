// Keys, the reader's time zone, and whether the page is live. Without this script every page can be read and used.
(() => {
  "use strict";

  // Times are written by the server, in the zone of this cookie.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && !document.cookie.includes(`zone=${zone}`)) {
    document.cookie = `zone=${zone}; path=/; max-age=31536000; SameSite=Lax`;
    const shown = document.querySelector("time");
    if (shown) location.reload();
  }

  const live = document.querySelector("[data-live]");
  const say = (text, isLive) => {
    if (!live) return;
    live.textContent = text;
    document.body.classList.toggle("is-live", isLive);
  };
  document.body.addEventListener("htmx:sseOpen", () => say("Live", true));
  document.body.addEventListener("htmx:sseError", () => say("Not live: trying to reach the connector", false));
  if (live && !document.querySelector("[data-live-source]")) say("This page does not change by itself", false);

  const rows = () => [...document.querySelectorAll("[data-row]")];
  let at = -1;
  const mark = (step) => {
    const all = rows();
    if (!all.length) return;
    at = Math.min(Math.max(at + step, 0), all.length - 1);
    all.forEach((row, index) => row.classList.toggle("at", index === at));
    const link = all[at].querySelector("a");
    if (link) link.focus({ preventScroll: true });
    all[at].scrollIntoView({ block: "nearest" });
  };

  const keys = document.querySelector("[data-keys]");
  const help = document.querySelector("[data-help]");
  if (help && keys) {
    help.hidden = false;
    help.addEventListener("click", () => keys.showModal());
  }
  const root = document.querySelector(".brand")?.getAttribute("href") ?? "/";
  let before = "";
  document.addEventListener("keydown", (event) => {
    const writes = event.target.closest("input, select, textarea");
    if (writes || event.ctrlKey || event.metaKey || event.altKey || keys?.open) return;
    const pair = before + event.key;
    before = event.key === "g" ? "g" : "";
    if (event.key === "/") {
      event.preventDefault();
      (document.querySelector("#q") ?? document.querySelector("[data-find]"))?.focus();
    } else if (event.key === "j") mark(1);
    else if (event.key === "k") mark(-1);
    else if (event.key === "?") keys?.showModal();
    else if (pair === "go") location.assign(root);
    else if (pair === "gt") location.assign(`${root}tenants`);
  });
})();
