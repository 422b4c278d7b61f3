// What makes the pages livelier. Everything works without it: forms post and redirect, links lead where they say.
"use strict";

const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));

// A counter says how many characters are left; nothing that was typed is ever cut off.
for (const area of all("textarea[data-limit]")) {
  const limit = Number(area.dataset.limit);
  const counter = document.getElementById(`${area.id}-count`);
  if (!counter) continue;
  const spoken = counter.cloneNode();
  spoken.id = "";
  spoken.className = "unseen";
  spoken.setAttribute("aria-live", "polite");
  counter.after(spoken);
  let timer = 0;
  const count = () => {
    const left = limit - Array.from(area.value.trim()).length;
    counter.textContent = left < 0
      ? `${-left} ${left === -1 ? "character" : "characters"} too many`
      : `${left} of ${limit} ${limit === 1 ? "character" : "characters"} left`;
    counter.classList.toggle("over", left < 0);
    clearTimeout(timer);
    timer = setTimeout(() => { if (document.activeElement === area && left < 50) spoken.textContent = counter.textContent; }, 1000);
  };
  area.addEventListener("input", count);
  count();
}

// A pasted address becomes the tenant name in it (the server does the same).
for (const field of all("input[data-tenant]")) {
  const reduce = () => {
    const typed = field.value.trim().toLowerCase();
    if (!/[./:]/.test(typed) || typed.includes("@")) return;
    try {
      const host = new URL(typed.includes("://") ? typed : `http://${typed}`).hostname;
      const name = host.split(".").filter((label) => label && label !== "www")[0];
      if (name) field.value = name;
    } catch { /* no address: the server says what is wrong with it */ }
  };
  field.addEventListener("paste", () => setTimeout(reduce));
  field.addEventListener("change", reduce);
}

// Long lists to choose from get a search by name and say how many are chosen.
for (const group of all("[data-choice]")) {
  const bands = all(".band", group);
  const list = group.querySelector(".bands");
  if (!list) continue;
  const chosen = document.createElement("p");
  chosen.className = "hint chosen";
  const tell = () => {
    const number = all("input:checked", group).length;
    chosen.textContent = number ? `${number} chosen` : "Nobody chosen yet";
  };
  list.after(chosen);
  group.addEventListener("change", tell);
  tell();
  if (bands.length < 7) continue;
  const wrap = document.createElement("div");
  wrap.className = "search";
  const search = document.createElement("input");
  search.type = "search";
  search.placeholder = "Search by name";
  search.autocomplete = "off";
  search.setAttribute("aria-label", "Search by name");
  const nobody = document.createElement("p");
  nobody.className = "hint";
  nobody.setAttribute("role", "status");
  search.addEventListener("input", () => {
    const wanted = search.value.trim().toLocaleLowerCase();
    let shown = 0;
    for (const band of bands) {
      const fits = band.textContent.toLocaleLowerCase().includes(wanted);
      band.parentElement.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    nobody.textContent = shown ? "" : "Nobody is called that.";
  });
  search.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
  wrap.append(search);
  list.before(wrap, nobody);
}

// Who still has no role is said at each member.
for (const member of all("[data-member]")) {
  const verdict = member.querySelector("[data-verdict]");
  const tell = () => {
    const number = all("input:checked", member).length;
    verdict.textContent = number ? `${number} ${number === 1 ? "role" : "roles"}` : "No role: not accepted";
    member.classList.toggle("chosen", number > 0);
  };
  member.addEventListener("change", tell);
  tell();
}

// A second click on a form that is on its way does nothing. (The server would answer it with the first answer.)
for (const form of all("form[method=post]")) {
  let sent = 0;
  form.addEventListener("submit", (event) => {
    if (Date.now() - sent < 8000) { event.preventDefault(); return; }
    sent = Date.now();
    form.setAttribute("aria-busy", "true");
  });
  addEventListener("pageshow", () => { sent = 0; form.removeAttribute("aria-busy"); });
}

// A choice in the filters takes effect at once.
for (const form of all("form[data-auto]")) {
  form.classList.add("auto");
  form.addEventListener("change", (event) => { if (event.target.tagName === "SELECT") form.requestSubmit(); });
  // Keep the address short: what is not chosen is not sent.
  form.addEventListener("submit", () => { for (const field of all("input, select", form)) field.disabled = !field.value; });
  addEventListener("pageshow", () => { for (const field of all("input, select", form)) field.disabled = false; });
}

// Menus close with Escape, with a click elsewhere, and when the focus leaves them.
const menus = all("details.menu");
const close = (except) => { for (const menu of menus) if (menu !== except) menu.open = false; };
if (menus.length) {
  addEventListener("click", (event) => close(event.target.closest("details.menu")));
  addEventListener("keydown", (event) => {
    const open = menus.find((menu) => menu.open);
    if (!open || event.key !== "Escape") return;
    open.open = false;
    open.querySelector("summary").focus();
  });
  for (const menu of menus) menu.addEventListener("focusout", (event) => { if (event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false; });
}

// Times keep telling how long ago they were.
const times = all("time[data-ago]");
const ago = (time) => {
  const seconds = (Date.now() - Date.parse(time.dateTime)) / 1000;
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  return seconds < 6 * 3600 ? `${Math.floor(seconds / 3600)} h ago` : null;
};
if (times.length) {
  setInterval(() => {
    for (const time of times) {
      const text = ago(time);
      if (text && text !== time.textContent) time.textContent = text;
    }
  }, 30000);
}

// Following a notification marks it as read.
const token = () => document.querySelector("meta[name=csrf-token]").content;
for (const link of all("a[data-read]")) {
  link.addEventListener("click", () => {
    const body = new URLSearchParams({ csrf_token: token(), id: link.dataset.read });
    fetch("/notifications/read", { method: "POST", body, keepalive: true, redirect: "manual" }).catch(() => {});
  });
}

// The other side learns that somebody has looked: said once the page is really shown, for a GET never marks anything.
const main = document.getElementById("main");
if (main && main.dataset.seen) {
  const say = () => {
    if (document.visibilityState !== "visible") return;
    document.removeEventListener("visibilitychange", say);
    fetch(main.dataset.seen, { method: "POST", headers: { "X-CSRF-Token": token() }, keepalive: true }).catch(() => {});
  };
  document.addEventListener("visibilitychange", say);
  say();
}
