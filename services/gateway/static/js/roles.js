// Assign Role (OE-08, OE-16). The form has a group of boxes for each contact; from them this makes two panes. On the left one contact is chosen,
// or several; what is ticked on the right holds for all that are chosen. The boxes of the groups stay and hold what is sent.
import { all, enhance, make, one } from "./dom.js";

export const listed = (names) => (names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`);

// One contact, from its group of boxes. `face` is an element with their initials.
export function memberOf(group, face) {
  const wrong = one(".field-error", group);
  return {
    group,
    id: group.id,
    name: group.dataset.name,
    title: group.dataset.title,
    face: face.cloneNode(true),
    wrong: wrong && make("span", { className: "wrong-band", textContent: one("span", wrong).lastChild.textContent }),
    boxes: new Map(all("input[type=checkbox]", group).map((box) => [box.value, box])),
  };
}

// A group that is not seen is not in the page either: nothing hidden answers to the names of what is shown. What is ticked in it is sent all the same.
export function stow(member, away) {
  member.place ??= document.createComment("");
  if (away && member.group.isConnected) member.group.replaceWith(member.place);
  else if (!away && !member.group.isConnected) member.place.replaceWith(member.group);
}
export function sendStowed(form, members) {
  form.addEventListener("formdata", (event) => {
    for (const member of members) {
      if (member.group.isConnected) continue;
      for (const box of member.boxes.values()) if (box.checked) event.formData.append(box.name, box.value);
    }
  });
}

const roleOf = (box) => box.closest(".tick").textContent.trim();
const placeOf = (box) => one("legend", box.closest(".place-roles")).textContent.trim();

// What somebody has so far: “Production: Operator, Viewer”, by environment.
function rolesOf(member) {
  const places = new Map();
  for (const box of member.boxes.values()) if (box.checked) places.set(placeOf(box), [...(places.get(placeOf(box)) ?? []), roleOf(box)]);
  return [...places].map(([place, roles]) => `${place}: ${roles.join(", ")}`);
}

const has = (member) => [...member.boxes.values()].some((box) => box.checked);

// The two panes for `members`; `lacking(names)` says what it means to have no role. `among(some)` shows some of the members only, and hides
// the groups of these. `changed` is called after each change.
export function assigning(members, { lacking, changed = () => {} }) {
  let shown = [];
  let selected = new Set();
  let last = null;

  const count = make("b");
  const bar = make("span", { className: "bar" });
  const track = make("span", { className: "track", role: "progressbar", "aria-label": "Contacts with a role", "aria-valuemin": "0" }, bar);
  const missing = make("p", { className: "lacking", role: "status" });
  const progress = make("div", { className: "roles-progress" }, count, track, missing);

  const everybody = make("input", { type: "checkbox" });
  const everybodyLabel = make("label", { className: "tick" }, everybody, make("span", { textContent: "Select all" }));
  const hint = make("p", { className: "hint", textContent: "Tick those whose roles you are choosing." });
  const list = make("ul", { className: "members" });
  for (const member of members) {
    member.box = make("input", { type: "checkbox", "aria-label": member.name });
    member.told = make("span", { className: "told" });
    const lines = [make("b", { textContent: member.name })];
    if (member.title) lines.push(make("span", { className: "muted", textContent: member.title }));
    lines.push(member.told);
    if (member.wrong) lines.push(member.wrong);
    member.button = make("button", { type: "button" }, member.face, make("span", { className: "band-name" }, ...lines));
    member.item = make("li", {}, member.box, member.button);
    member.button.addEventListener("click", (event) => {
      if (event.shiftKey && last) {
        const [from, to] = [shown.indexOf(last), shown.indexOf(member)].sort((a, b) => a - b);
        selected = new Set(shown.slice(from, to + 1));
      } else if (event.ctrlKey || event.metaKey) toggle(member, !selected.has(member));
      else selected = new Set([member]);
      if (!event.shiftKey) last = member;
      show();
    });
    member.box.addEventListener("change", () => { toggle(member, member.box.checked); last = member; show(); });
  }
  everybody.addEventListener("change", () => { selected = new Set(everybody.checked ? shown : []); show(); });
  const toggle = (member, on) => selected[on ? "add" : "delete"](member);

  const about = make("p", { className: "for", role: "status" });
  const places = make("div", { className: "places" });
  const boxes = [];
  for (const place of all(".place-roles", members[0].group)) {
    const group = make("fieldset", { className: "place-roles" }, make("legend", { textContent: one("legend", place).textContent }));
    for (const source of all("input[type=checkbox]", place)) {
      const box = make("input", { type: "checkbox" });
      box.dataset.value = source.value;
      box.addEventListener("change", () => {
        for (const member of selected) member.boxes.get(source.value).checked = box.checked;
        show();
      });
      boxes.push(box);
      group.append(make("label", { className: "tick" }, box, make("span", { textContent: roleOf(source) })));
    }
    places.append(group);
  }
  const pane = (title, ...content) => make("section", { className: "pane", "aria-label": title }, ...content);
  const head = (title, ...more) => make("div", { className: "pane-head" }, make("h2", { textContent: title }), ...more);
  const element = make("div", { className: "role-tool" }, progress, make("div", { className: "two-panes" },
    pane("Team Member", head("Team Member", everybodyLabel), hint, list),
    pane("Assign Role(s)", head("Assign Role(s)", about), places)));

  function show() {
    const having = shown.filter(has);
    for (const member of shown) {
      const chosen = selected.has(member);
      member.box.checked = chosen;
      member.item.classList.toggle("selected", chosen);
      member.button.setAttribute("aria-pressed", String(chosen));
      const roles = rolesOf(member);
      member.item.classList.toggle("has", roles.length > 0);
      member.told.replaceChildren(...(roles.length ? roles : ["No role yet"]).map((line) => make("span", { textContent: line })));
    }
    everybody.checked = selected.size === shown.length;
    everybody.indeterminate = selected.size > 0 && selected.size < shown.length;
    for (const box of boxes) {
      const number = [...selected].filter((member) => member.boxes.get(box.dataset.value).checked).length;
      box.checked = selected.size > 0 && number === selected.size;
      box.indeterminate = number > 0 && number < selected.size;
    }
    for (const group of all("fieldset", places)) group.disabled = selected.size === 0;
    const names = [...selected].map((member) => member.name);
    about.textContent = !names.length ? "Select a team member" : names.length < 4 ? listed(names) : `${names.length} selected`;
    places.classList.toggle("idle", !names.length);
    count.textContent = `${having.length} of ${shown.length} ${having.length === 1 ? "has" : "have"} a role`;
    track.setAttribute("aria-valuemax", String(shown.length));
    track.setAttribute("aria-valuenow", String(having.length));
    track.setAttribute("aria-valuetext", count.textContent);
    bar.style.width = `${shown.length ? (100 * having.length) / shown.length : 0}%`;
    missing.textContent = having.length ? lacking(shown.filter((member) => !has(member)).map((member) => member.name)) : "";
    changed(having.length);
  }

  // Where a sentence about somebody leads: to what is seen of them.
  function among(some) {
    for (const member of members) {
      const here = some.includes(member);
      if (here) stow(member, true);
      member.group.id = here ? "" : member.id;
      member.item.id = here ? member.id : "";
    }
    const alone = some.length < 2;
    everybodyLabel.hidden = alone;
    hint.hidden = alone;
    for (const member of some) member.box.hidden = alone;
    if (some.length !== shown.length || some.some((member, i) => member !== shown[i])) list.replaceChildren(...some.map((member) => member.item));
    // The boxes in the groups are hidden now: the focus they were to get is their member's.
    const faulty = some.find((member) => [...member.boxes.values()].some((box) => box.autofocus));
    if (faulty) {
      for (const box of faulty.boxes.values()) box.autofocus = false;
      faulty.button.autofocus = true;
    }
    shown = some;
    selected = new Set([...selected].filter((member) => shown.includes(member)));
    const first = shown.find((member) => member.wrong) ?? shown.find((member) => !has(member)) ?? shown[0];
    if (!selected.size && first) selected.add(first);
    show();
  }
  // Nobody is shown: sentences lead to the groups again. Whether these are hidden is for whoever calls.
  function release() {
    for (const member of members) {
      member.item.id = "";
      member.group.id = member.id;
    }
  }
  return { element, among, release, focus: () => one("button[autofocus]", list)?.focus() };
}

enhance("[data-roles]", (place) => {
  const members = all("[data-member]", place).map((group) => memberOf(group, one(".face", group)));
  if (!members.length) return;
  const form = place.closest("form");
  const accept = one("[data-accept]", form);
  const waits = one("[data-waits]", form);
  sendStowed(form, members);
  const tool = assigning(members, {
    lacking: (names) => (!names.length ? "" : `${listed(names)} ${names.length === 1 ? "has no role and will not be accepted" : "have no role and will not be accepted"}.`),
    changed: (number) => {
      accept.disabled = number === 0;
      waits.hidden = number > 0;
      waits.textContent = number ? "" : "Give at least one contact a role first.";
    },
  });
  accept.setAttribute("aria-describedby", waits.id);
  place.append(tool.element);
  place.classList.add("running");
  tool.among(members);
  tool.focus();
});
