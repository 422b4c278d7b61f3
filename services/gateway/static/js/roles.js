// Assign Role (OE-08): the form has a group of boxes for each contact; this makes two panes of them. On the left one is chosen, or several;
// what is ticked on the right holds for all that are chosen.
import { all, enhance, make, one } from "./dom.js";

const listed = (names) => (names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`);

enhance("[data-roles]", (tool) => {
  const members = all("[data-member]", tool).map((group) => ({
    id: group.dataset.member,
    name: group.dataset.name,
    title: group.dataset.title,
    face: one(".face", group),
    wrong: one(".field-error", group),
    roles: new Set(all("input:checked", group).map((box) => box.value)),
    field: one("input", group)?.name ?? `roles.${group.dataset.member}`,
  }));
  if (!members.length) return;
  const environments = all(".place-roles", one("[data-member]", tool)).map((place) => ({
    name: one("legend", place).textContent,
    roles: all(".tick", place).map((tick) => ({ value: one("input", tick).value, name: tick.textContent.trim() })),
  }));
  const accept = one("[data-accept]", tool.form ?? tool.closest("form"));
  const first = members.find((member) => member.wrong) ?? members[0];
  let selected = new Set([first]);

  const values = make("div", { hidden: true });
  const count = make("b");
  const bar = make("span", { className: "bar" });
  const track = make("div", { className: "track", role: "progressbar", "aria-label": "Contacts with a role", "aria-valuemin": "0", "aria-valuemax": String(members.length) }, bar);
  const lacking = make("p", { className: "lacking", role: "status" });
  const progress = make("div", { className: "roles-progress" }, count, track, lacking);

  const everybody = make("input", { type: "checkbox" });
  const list = make("ul", { className: "members" });
  for (const member of members) {
    member.box = make("input", { type: "checkbox", "aria-label": member.name });
    member.told = make("span", { className: "muted" });
    member.button = make("button", { type: "button" }, member.face, make("span", { className: "band-name" }, make("b", { textContent: member.name }), ...(member.title ? [make("span", { className: "muted", textContent: member.title })] : []), member.told));
    member.item = make("li", {}, ...(members.length > 1 ? [member.box] : []), member.button);
    member.item.classList.toggle("at-fault", Boolean(member.wrong));
    member.button.addEventListener("click", () => { selected = new Set([member]); show(); });
    member.box.addEventListener("change", () => { selected[member.box.checked ? "add" : "delete"](member); show(); });
    list.append(member.item);
  }
  everybody.addEventListener("change", () => { selected = new Set(everybody.checked ? members : []); show(); });

  const about = make("p", { className: "for", role: "status" });
  const boxes = [];
  const places = make("div", { className: "places" });
  for (const environment of environments) {
    const group = make("fieldset", { className: "place-roles" }, make("legend", { textContent: environment.name }));
    for (const role of environment.roles) {
      const box = make("input", { type: "checkbox", value: role.value });
      box.addEventListener("change", () => {
        for (const member of selected) member.roles[box.checked ? "add" : "delete"](role.value);
        show();
      });
      boxes.push(box);
      group.append(make("label", { className: "tick" }, box, make("span", { textContent: role.name })));
    }
    places.append(group);
  }
  const panes = make("div", { className: "two-panes" },
    make("section", { className: "pane", "aria-label": "Team Member" },
      make("div", { className: "pane-head" }, make("h2", { textContent: "Team Member" }), ...(members.length > 1 ? [make("label", { className: "tick" }, everybody, make("span", { textContent: "Select all" }))] : [])), list),
    make("section", { className: "pane", "aria-label": "Assign Role(s)" },
      make("div", { className: "pane-head" }, make("h2", { textContent: "Assign Role(s)" }), about), places));

  function show() {
    const having = members.filter((member) => member.roles.size);
    for (const member of members) {
      const chosen = selected.has(member);
      member.box.checked = chosen;
      member.item.classList.toggle("selected", chosen);
      member.button.setAttribute("aria-pressed", String(chosen));
      member.told.textContent = member.roles.size ? `${member.roles.size} ${member.roles.size === 1 ? "role" : "roles"}` : "No role yet";
      member.told.classList.toggle("has", member.roles.size > 0);
      if (member.roles.size) member.item.classList.remove("at-fault");
    }
    everybody.checked = selected.size === members.length;
    everybody.indeterminate = selected.size > 0 && selected.size < members.length;
    for (const box of boxes) {
      const having_ = [...selected].filter((member) => member.roles.has(box.value)).length;
      box.checked = selected.size > 0 && having_ === selected.size;
      box.indeterminate = having_ > 0 && having_ < selected.size;
    }
    for (const group of all("fieldset", places)) group.disabled = selected.size === 0;
    about.textContent = selected.size === 0 ? "Select a team member" : selected.size === 1 ? [...selected][0].name : `${selected.size} selected`;
    count.textContent = `${having.length} of ${members.length} ${having.length === 1 ? "has" : "have"} a role`;
    bar.style.width = `${(100 * having.length) / members.length}%`;
    track.setAttribute("aria-valuenow", String(having.length));
    const without = members.filter((member) => !member.roles.size).map((member) => member.name);
    lacking.textContent = !having.length ? "Give at least one contact a role." : without.length ? `${listed(without)} ${without.length === 1 ? "has" : "have"} no role and will not be accepted.` : "";
    accept.disabled = having.length === 0;
    values.replaceChildren(...members.flatMap((member) => [...member.roles].map((value) => make("input", { type: "hidden", name: member.field, value }))));
  }

  tool.replaceChildren(progress, ...members.filter((member) => member.wrong).map((member) => member.wrong), panes, values);
  show();
});
