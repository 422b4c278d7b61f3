// Reviewing a proposal: all at once, and a button that says what it does.
import { all, enhance, one } from "./dom.js";

enhance("form[data-review]", (form) => {
  const send = one("[data-send]", form);
  const decided = () => all("input[type=radio]:checked", form).map((radio) => radio.value);
  const show = () => {
    const verdicts = new Set(decided());
    const complete = decided().length === all("[data-item]", form).length;
    send.textContent = complete && verdicts.size === 1 ? (verdicts.has("accept") ? "Accept" : "Decline") : "Send answer";
  };
  form.addEventListener("change", show);
  for (const button of all("[data-all]", form)) {
    button.addEventListener("click", () => {
      for (const radio of all(`input[type=radio][value=${button.dataset.all}]`, form)) radio.checked = true;
      show();
    });
  }
  show();
});
