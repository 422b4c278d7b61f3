// The Partnership History: everything opened at once, also for printing; older entries as one scrolls; what is new on top.
import { all, ask, enhance, make, one, refresh } from "./dom.js";
import { follow } from "./live.js";

const PAGES = 100;
const timeline = () => one("#timeline");
const entries = () => all(".timeline > li", timeline());
const details = () => all("details", timeline());

// Entries of `days` (sections of another page, or of ours) below those that are here, each once and below its day.
function append(days) {
  const known = new Set(entries().map((entry) => entry.dataset.key));
  for (const day of days) {
    const fresh = all(".timeline > li", day).filter((entry) => !known.has(entry.dataset.key));
    if (!fresh.length) continue;
    const same = all(".day", timeline()).find((mine) => mine.dataset.key === day.dataset.key);
    if (same) one(".timeline", same).append(...fresh);
    else {
      const last = all(".day", timeline()).at(-1);
      one(".timeline", day).replaceChildren(...fresh);
      if (last) last.after(day);
      else timeline().prepend(day);
    }
  }
  refresh(timeline());
}

// The next page, in place of the link to it. False when there is none, or it could not be had.
async function older() {
  const link = one("[data-older]");
  if (!link || link.dataset.loading) return false;
  link.dataset.loading = "yes";
  try {
    const found = await ask(link.href);
    if (!found || found.status !== 200) return false;
    append(all("#timeline > .day", found.page));
    const next = one("[data-older]", found.page);
    if (next) link.href = next.href;
    else link.closest(".pager").remove();
    return true;
  } catch {
    return false; // the link is still there to be tried again
  } finally {
    delete link.dataset.loading;
  }
}

enhance("[data-older]", (link) => {
  const near = () => link.isConnected && link.getBoundingClientRect().top < innerHeight + 400;
  const more = async () => { while (near() && (await older())); };
  link.addEventListener("click", async (event) => {
    event.preventDefault();
    if (!(await older()) && link.isConnected) location.assign(link.href);
  });
  new IntersectionObserver((seen) => { if (seen.some((entry) => entry.isIntersecting)) more(); }, { rootMargin: "400px" }).observe(link);
});

// Asked what became of it: the newest page. What was loaded below it is put back, as it was: what has happened does not change.
let held = [];
let onwards = "";
follow({
  address: () => {
    held = all(".day", timeline()).flatMap((day) => all(".timeline > li", day).map((entry) => ({ entry, day })));
    onwards = one("[data-older]")?.href ?? "";
    return location.href;
  },
  after: (page) => {
    const newest = new Set(all("#timeline .timeline > li", page).map((entry) => entry.dataset.key));
    // More has happened than a page holds: there is a gap, which the way to older entries closes.
    if (!held.some(({ entry }) => newest.has(entry.dataset.key))) return;
    const days = new Map();
    for (const { entry, day } of held) {
      if (newest.has(entry.dataset.key)) continue;
      if (!days.has(day)) {
        const list = make("ol", { className: "timeline card" });
        const copy = make("section", { className: "day" }, one("h2", day).cloneNode(true), list);
        copy.dataset.key = day.dataset.key;
        copy.setAttribute("aria-label", day.getAttribute("aria-label"));
        days.set(day, copy);
      }
      one(".timeline", days.get(day)).append(entry);
    }
    held = [];
    if (!days.size) return;
    append(days.values());
    const link = one("[data-older]");
    if (link && onwards) link.href = onwards;
    else link?.closest(".pager").remove();
  },
});

enhance("[data-expand]", (button) => {
  const tell = () => {
    button.hidden = details().length === 0;
    button.textContent = details().some((entry) => !entry.open) ? "Expand all" : "Collapse all";
  };
  button.addEventListener("click", () => {
    const open = details().some((entry) => !entry.open);
    for (const entry of details()) entry.open = open;
    tell();
  });
  timeline().addEventListener("toggle", tell, { capture: true });
  new MutationObserver(tell).observe(timeline(), { childList: true, subtree: true });
  tell();
});

// On paper everything is told, and all of it.
enhance("[data-print]", (button) => button.addEventListener("click", async () => {
  button.disabled = true;
  for (let page = 0; page < PAGES && one("[data-older]"); page += 1) if (!(await older())) break;
  button.disabled = false;
  print();
}));
let before = [];
addEventListener("beforeprint", () => {
  before = details().filter((entry) => !entry.open);
  for (const entry of before) entry.open = true;
});
addEventListener("afterprint", () => { for (const entry of before) entry.open = false; });
