// Nothing here is needed: the pages work without it. It keeps an open page up to date, and filters objects.
"use strict";
(() => {
  const EVENTS = ["target", "source", "pass-ended", "step-started", "step-ended", "ordered", "woken"];
  const GAP = 1500; // ms between two updates at least
  const main = document.getElementById("content");
  const status = document.getElementById("live");
  const say = (text) => { document.getElementById("announce").textContent = text; };
  const clean = (part) => part.innerHTML.replace(/(<time[^>]*>)[^<]*/g, "$1");

  // Times relative to now, as the server says them.
  const distance = (at) => {
    const away = (at - Date.now()) / 1000, size = Math.abs(away);
    if (size < 2) return away <= 0 ? "just now" : "now";
    const [length, unit] = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]].find(([seconds]) => size >= seconds);
    const text = `${Math.floor(size / length)} ${unit}`;
    if (away < 0) return `${text} ago`;
    const minutes = Math.floor((size % 3600) / 60);
    return unit === "h" && minutes ? `in ${text} ${minutes} min` : `in ${text}`;
  };
  const retime = () => {
    for (const time of document.querySelectorAll("time:not([data-fixed])")) {
      const text = distance(Date.parse(time.dateTime));
      if (time.textContent !== text) time.textContent = text;
    }
  };
  setInterval(retime, 5000);

  // A form is sent once.
  document.addEventListener("submit", (event) => {
    if (event.target.method !== "post") return;
    if (event.target.dataset.sent) event.preventDefault();
    event.target.dataset.sent = "1";
    event.submitter?.setAttribute("aria-busy", "true");
  });
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
    for (const button of document.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
  });

  // The objects that contain what is typed.
  const finder = document.getElementById("finder"), filter = document.getElementById("filter");
  const sift = () => {
    const wanted = filter.value.trim().toLowerCase();
    let shown = 0, all = 0;
    for (const tree of document.querySelectorAll("#objects details")) {
      let here = 0;
      for (const row of tree.querySelectorAll("[data-object]")) {
        row.hidden = !row.textContent.toLowerCase().includes(wanted);
        here += row.hidden ? 0 : 1;
        all += 1;
      }
      tree.hidden = here === 0;
      if (wanted) {
        tree.dataset.was ??= tree.open ? "open" : "closed";
        tree.open = here > 0;
      } else if (tree.dataset.was) {
        tree.open = tree.dataset.was === "open";
        delete tree.dataset.was;
      }
      shown += here;
    }
    document.getElementById("found").textContent = wanted ? `${shown} of ${all} objects` : "";
  };
  if (finder && document.querySelector("[data-object]")) {
    finder.hidden = false;
    filter.addEventListener("input", sift);
  }

  // The page's changing parts, as the server last sent them.
  const parts = new Map([...main.querySelectorAll("[data-part]")].map((part) => [part.id, clean(part)]));
  const inUse = (part) => part.dataset.part === "forms" && (part.contains(document.activeElement)
    || part.querySelector("details[open]") !== null);
  const place = (part) => {
    const focused = document.activeElement;
    if (!part.contains(focused)) return () => {};
    const path = 'a[href], button, summary, input:not([type="hidden"]), select, [tabindex]';
    const index = [...part.querySelectorAll(path)].indexOf(focused);
    const id = focused.id || focused.parentElement.id, link = focused.getAttribute("href");
    return () => {
      const held = id && document.getElementById(id);
      const same = link ? [...part.querySelectorAll("a")].find((one) => one.getAttribute("href") === link)
        : held && focused.tagName === "SUMMARY" ? held.querySelector("summary") : held || null;
      (same ?? part.querySelectorAll(path)[index] ?? main).focus({ preventScroll: true });
    };
  };
  const replace = (old, fresh) => {
    const back = place(old);
    const open = new Map([...old.querySelectorAll("details[id]")].map((one) => [one.id, one.dataset.was ? one.dataset.was === "open" : one.open]));
    const rows = new Map([...old.querySelectorAll("tr[id]")].map((row) => [row.id, clean(row)]));
    for (const one of fresh.querySelectorAll("details[id]")) if (open.has(one.id)) one.open = open.get(one.id);
    for (const row of fresh.querySelectorAll("tr[id]")) if (rows.get(row.id) !== clean(row)) row.classList.add("fresh");
    old.replaceChildren(...fresh.childNodes);
    back();
  };
  const update = (text) => {
    const page = new DOMParser().parseFromString(text, "text/html");
    for (const fresh of page.querySelectorAll("[data-part]")) {
      const old = document.getElementById(fresh.id), html = clean(fresh);
      if (!old || parts.get(fresh.id) === html || inUse(old)) continue;
      parts.set(fresh.id, html);
      replace(old, fresh);
    }
    if (filter?.value) sift();
    retime();
    if (page.title && page.title !== document.title) {
      document.title = page.title;
      say(`Now: ${page.title.replace(" – reconciler", "")}`);
    }
  };

  let source = null, waiting = null, last = 0, ended = false;
  const show = (text, on = false) => {
    status.textContent = text;
    status.classList.toggle("on", on);
  };
  const end = (text) => {
    ended = true;
    source?.close();
    show(text);
    say(text);
  };
  const refresh = async () => {
    waiting = null;
    last = Date.now();
    try {
      const answer = await fetch(location.href, { headers: { "Reconciler-Fragment": "1" }, cache: "no-store" });
      if (answer.status === 401) end("Signed out: reload the page");
      else if (answer.ok) update(await answer.text());
    } catch {
      show("Not connected, trying again");
    }
  };
  const soon = () => { waiting ??= setTimeout(refresh, Math.max(150, last + GAP - Date.now())); };
  const heard = (event) => {
    const mine = main.dataset.target, target = JSON.parse(event.data).target;
    if (!mine || !target || mine === target) soon();
  };
  const listen = () => {
    source = new EventSource(main.dataset.live);
    for (const name of EVENTS) source.addEventListener(name, heard);
    source.addEventListener("open", () => { show("Live", true); soon(); });
    source.addEventListener("error", () => {
      if (ended) return;
      show("Not connected, trying again");
      if (source.readyState === EventSource.CLOSED) { soon(); setTimeout(() => { if (!ended && !document.hidden) listen(); }, 15000); }
    });
  };
  if (main.dataset.live) {
    if (!document.hidden) listen();
    // A browser has six connections to a server; a page that nobody sees leaves them to the others.
    document.addEventListener("visibilitychange", () => {
      source?.close();
      if (!document.hidden && !ended) listen();
    });
    addEventListener("pagehide", () => source?.close());
  }
})();
