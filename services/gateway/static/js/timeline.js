// The Partnership History: everything opened at once, also for printing, and older entries in place.
import { all, ask, enhance, one, refresh } from "./dom.js";

const details = () => all("#timeline details");

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
  one("#timeline").addEventListener("toggle", tell, { capture: true });
  tell();
  let before = [];
  addEventListener("beforeprint", () => {
    before = details().filter((entry) => !entry.open);
    for (const entry of before) entry.open = true;
  });
  addEventListener("afterprint", () => { for (const entry of before) entry.open = false; });
});

enhance("[data-older]", (link) => link.addEventListener("click", async (event) => {
  event.preventDefault();
  const found = await ask(link.href).catch(() => null);
  if (!found || found.status !== 200) { location.assign(link.href); return; }
  const place = link.closest(".pager");
  for (const day of all("#timeline > .day", found.page)) {
    // What follows is older, and no change can move it: a live update leaves it where it is.
    day.dataset.made = "";
    const same = all("#timeline > .day").find((mine) => mine.dataset.key === day.dataset.key);
    if (same) one(".timeline", same).append(...all(".timeline > li", day).map((entry) => { entry.dataset.made = ""; return entry; }));
    else place.before(day);
  }
  const next = one("[data-older]", found.page);
  if (next) link.href = next.href;
  else place.remove();
  refresh(one("#timeline"));
}));
