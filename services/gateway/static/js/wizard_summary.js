// After sending: what was kept is not needed any more. An offer that cannot be delivered leads back to its details, filled in.
import { enhance, one } from "./dom.js";
import { follow, soon } from "./live.js";

enhance("[data-summary]", (wizard) => {
  sessionStorage.removeItem(wizard.dataset.store);
  const look = () => {
    const { status, back } = one("#sent").dataset;
    if (status === "undeliverable") location.replace(back);
    return status !== "open";
  };
  follow({ after: look });
  if (look()) return;
  // Whether it can be delivered is known within a second; without an event stream one asks.
  let asked = 0;
  const timer = setInterval(() => {
    if ((asked += 1) > 8 || one("#sent").dataset.status !== "open") clearInterval(timer);
    else soon();
  }, 400);
});
