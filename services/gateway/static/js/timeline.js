// The Partnership History: everything opened at once, also for printing.
import { all, enhance, one } from "./dom.js";
import { more } from "./more.js";

const PAGES = 100;
const timeline = () => one("#timeline");
const details = () => all("details", timeline());

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
  for (let page = 0; page < PAGES && (await more()); page += 1);
  button.disabled = false;
  print();
}));
let before = [];
addEventListener("beforeprint", () => {
  before = details().filter((entry) => !entry.open);
  for (const entry of before) entry.open = true;
});
addEventListener("afterprint", () => { for (const entry of before) entry.open = false; });
