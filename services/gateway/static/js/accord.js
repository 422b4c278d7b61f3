// What makes the pages livelier. Everything works without it: forms post and redirect, links lead where they say.
import "./kept.js";
import "./dialog.js";
import "./finding.js";
import "./forms.js";
import "./live.js";
import "./menus.js";
import "./times.js";
import { enhance, token } from "./dom.js";

// Following a notification marks it as read.
enhance("a[data-read]", (link) => link.addEventListener("click", () => {
  const body = new URLSearchParams({ csrf_token: token(), id: link.dataset.read });
  fetch("/notifications/read", { method: "POST", body, keepalive: true, redirect: "manual" }).catch(() => {});
}));

// A row of tabs that is wider than the screen begins where one is.
enhance(".tabs [aria-current]", (tab) => {
  const row = tab.parentElement;
  row.scrollLeft = tab.offsetLeft - row.offsetLeft - (row.clientWidth - tab.offsetWidth) / 2;
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
