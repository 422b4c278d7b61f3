// What makes the pages livelier. Everything works without it: forms post and redirect, links lead where they say.
import "./kept.js";
import "./dialog.js";
import "./finding.js";
import "./forms.js";
import "./live.js";
import "./menus.js";
import "./more.js";
import "./times.js";
import { enhance, one, token } from "./dom.js";

const FADE = 40;

// Following a notification marks it as read.
enhance("a[data-read]", (link) => link.addEventListener("click", () => {
  const body = new URLSearchParams({ csrf_token: token(), id: link.dataset.read });
  fetch("/notifications/read", { method: "POST", body, keepalive: true, redirect: "manual" }).catch(() => {});
}));

// A row of tabs that is wider than the screen begins where one is, and fades where there is more.
enhance(".tabs", (row) => {
  const tab = one("[aria-current]", row);
  if (tab) row.scrollLeft = tab.offsetLeft - row.offsetLeft - (row.clientWidth - tab.offsetWidth) / 2;
  const tell = () => {
    const after = row.scrollWidth - row.clientWidth - row.scrollLeft;
    row.style.setProperty("--before", `${Math.min(row.scrollLeft, FADE)}px`);
    row.style.setProperty("--after", `${after > 1 ? Math.min(after, FADE) : 0}px`);
  };
  row.addEventListener("scroll", tell, { passive: true });
  const sizes = new ResizeObserver(tell);
  for (const element of [row, ...row.children]) sizes.observe(element);
});

// The other side learns that somebody has looked: said once the page is really shown, for a GET never marks anything.
enhance("main[data-seen]", (main) => {
  const say = () => {
    if (document.visibilityState !== "visible") return;
    document.removeEventListener("visibilitychange", say);
    fetch(main.dataset.seen, { method: "POST", headers: { "X-CSRF-Token": token() }, keepalive: true }).catch(() => {});
  };
  document.addEventListener("visibilitychange", say);
  say();
});
