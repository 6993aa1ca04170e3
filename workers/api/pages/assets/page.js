// Keys, the reader's time zone, and whether the page is live. Without this script every page can be read and used.
(() => {
  "use strict";

  // Times are written by the server, in the zone of this cookie.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && !document.cookie.includes(`zone=${zone}`)) {
    document.cookie = `zone=${zone}; path=/; max-age=31536000; SameSite=Lax`;
    const kept = document.cookie.includes(`zone=${zone}`); // some browsers keep none: never load it again for ever
    if (kept && document.querySelector("time")) location.reload();
  }

  const live = document.querySelector("[data-live]");
  const say = (text, isLive) => {
    if (!live) return;
    live.textContent = text;
    document.body.classList.toggle("is-live", isLive);
  };
  if (live && !document.querySelector("[data-live-source]")) say("This page does not change by itself", false);

  // The stream of a page that somebody sees. A browser has six connections to one server: a hidden tab gives its own
  // back, or the seventh tab would never load. What htmx needs of an EventSource, it finds here.
  class Stream {
    readyState = EventSource.OPEN; // it ends only with the page: htmx need not begin it again
    heard = [];
    wait = 1;
    constructor(address) {
      this.address = address;
      this.look = () => (document.hidden ? this.rest() : this.begin());
      document.addEventListener("visibilitychange", this.look);
      this.look();
    }
    begin() {
      if (this.source || this.ended) return;
      const source = (this.source = new EventSource(this.address));
      source.onopen = (event) => {
        this.wait = 1;
        say("Live", true);
        this.onopen?.(event);
      };
      source.onerror = (event) => {
        say("Not live: trying to reach the connector", false);
        if (source.readyState === EventSource.CLOSED) this.refused();
        this.onerror?.(event);
      };
      for (const [name, hear] of this.heard) source.addEventListener(name, hear);
    }
    rest() {
      clearTimeout(this.again);
      this.source?.close();
      this.source = null;
    }
    async refused() {
      this.rest();
      const asked = await fetch(this.address, { headers: { Accept: "text/event-stream" } }).catch(() => null);
      asked?.body?.cancel();
      if (this.ended) return;
      if (asked?.status === 401) {
        say("You are signed out. Load the page again to sign in", false);
        return;
      }
      if (asked?.status === 404) {
        say("What this page shows is gone. Load it again", false);
        return;
      }
      this.wait = Math.min(this.wait * 2, 60);
      this.again = setTimeout(this.look, this.wait * 1000);
    }
    close() {
      this.ended = true;
      this.rest();
      document.removeEventListener("visibilitychange", this.look);
    }
    addEventListener(name, hear) {
      this.heard.push([name, hear]);
      this.source?.addEventListener(name, hear);
    }
    removeEventListener(name, hear) {
      this.heard = this.heard.filter((each) => each[0] !== name || each[1] !== hear);
      this.source?.removeEventListener(name, hear);
    }
  }
  if (window.htmx) htmx.createEventSource = (address) => new Stream(address);

  // What a person has opened, typed or chosen stays, and the row they are at marked: the server does not know of it.
  if (window.Idiomorph) {
    const own = { open: "details", class: "[data-row]", value: "input:not([type=hidden])", selected: "option" };
    Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) => !own[name] || !node.matches(own[name]);
  }

  const rows = () => [...document.querySelectorAll("[data-row]")];
  let at = null;
  const mark = (step) => {
    const all = rows();
    if (!all.length) return;
    at = all[Math.min(Math.max(all.indexOf(at) + step, 0), all.length - 1)];
    all.forEach((row) => row.classList.toggle("at", row === at));
    const link = at.querySelector("a");
    if (link) link.focus({ preventScroll: true });
    at.scrollIntoView({ block: "nearest" });
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
