// Reviewing a proposal: all at once, a button that says what it does, and one tool for the roles when several are accepted.
import { all, enhance, one, say } from "./dom.js";
import { assigning, listed, memberOf, sendStowed, stow } from "./roles.js";

const verdictOf = (item) => one("input[type=radio]:checked", item)?.value;

enhance("form[data-review]", (form) => {
  const send = one("[data-send]", form);
  const items = all("[data-item]", form);
  const together = one("[data-together]", form);
  const additions = items.filter((item) => one("[data-granted] input", item))
    .map((item) => ({ item, member: memberOf(one("[data-granted]", item), one(".face", item)) }));
  const tool = additions.length > 1 ? assigning(additions.map(({ member }) => member), {
    lacking: (names) => (!names.length ? "" : `${listed(names)} ${names.length === 1 ? "has" : "have"} no role yet.`),
  }) : null;
  sendStowed(form, additions.map(({ member }) => member));
  if (tool) together.append(tool.element);

  function show() {
    const verdicts = items.map(verdictOf);
    const same = verdicts.every((verdict) => verdict && verdict === verdicts[0]);
    send.textContent = same ? (verdicts[0] === "accept" ? "Accept" : "Decline") : "Send answer";
    const accepted = additions.filter(({ item }) => verdictOf(item) === "accept").map(({ member }) => member);
    for (const { member } of additions) stow(member, !accepted.includes(member));
    if (!tool) return;
    // One alone has its roles beside the decision; several have them in two panes.
    together.hidden = accepted.length < 2;
    if (accepted.length > 1) tool.among(accepted);
    else tool.release();
  }
  form.addEventListener("change", (event) => {
    if (event.target.type !== "radio") return;
    // It is decided now.
    one(":scope > .field-error", event.target.closest("[data-item]"))?.remove();
    show();
  });
  for (const button of all("[data-all]", form)) {
    button.addEventListener("click", () => {
      for (const radio of all(`input[type=radio][value=${button.dataset.all}]`, form)) radio.checked = true;
      show();
      say(button.dataset.all === "accept" ? "All accepted. Nothing is sent yet." : "All declined. Nothing is sent yet.");
    });
  }
  show();
  if (!together.hidden) tool.focus();
});
