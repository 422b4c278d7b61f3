// Our own business and oneself: switches that take effect at once, a key that is copied, and a logo that is shown, and made small enough, before it is sent.
import { enhance, go, make, one, say, sending } from "./dom.js";
import { tell } from "./dialog.js";

// Switches are sent as soon as one is moved; one that could not be kept goes back.
enhance("form[data-switches]", (form) => {
  let queue = Promise.resolve();
  form.addEventListener("change", (event) => {
    const moved = event.target;
    const [url, options] = sending(form);
    queue = queue.then(async () => {
      form.classList.remove("saved");
      try {
        const answer = await fetch(url, { ...options, headers: { "X-Accord-Script": "1" } });
        const elsewhere = answer.headers.get("X-Accord-Go") ?? "";
        if (elsewhere.startsWith("/login")) return go(elsewhere);
        if (!answer.ok) throw new Error(answer.statusText);
        form.classList.add("saved");
        say("Saved.");
      } catch {
        moved.checked = !moved.checked;
        tell("This could not be saved", "The switch stands as before. Check the connection, then try again.");
      }
    });
  });
});

// A button that copies what stands in a field; where it may not, it selects it.
enhance("button[data-copy]", (button) => {
  const field = document.getElementById(button.dataset.copy);
  field.addEventListener("focus", () => field.select());
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(field.value);
      button.textContent = "Copied";
      say("Copied.");
    } catch {
      field.focus();
      field.select();
    }
  });
});

const SIDE = 256;

const read = (blob) => new Promise((resolve, reject) => {
  const reader = new FileReader();
  reader.onload = () => resolve(reader.result);
  reader.onerror = reject;
  reader.readAsDataURL(blob);
});

async function drawn(url) {
  const picture = make("img");
  picture.src = url;
  await picture.decode();
  return picture;
}

// The picture as PNG, no side longer than `side`; null when the browser cannot.
function smaller(picture, side) {
  const scale = Math.min(1, side / Math.max(picture.naturalWidth, picture.naturalHeight));
  const canvas = make("canvas", { width: Math.max(1, Math.round(picture.naturalWidth * scale)), height: Math.max(1, Math.round(picture.naturalHeight * scale)) });
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

enhance("input[data-picture]", (field) => {
  const most = Number(field.dataset.picture);
  const preview = one("[data-preview]", field.form);
  field.addEventListener("change", async () => {
    const [file] = field.files;
    if (!file) return;
    let picture;
    try {
      picture = await drawn(await read(file));
    } catch {
      return; // no picture: the server says so
    }
    preview.replaceChildren(make("img", { className: "mark huge", alt: "", src: picture.src }));
    if (file.size <= most) return;
    for (const side of [SIDE, SIDE / 2]) {
      const blob = await smaller(picture, side);
      if (!blob || blob.size > most) continue;
      const files = new DataTransfer();
      files.items.add(new File([blob], "logo.png", { type: "image/png" }));
      field.files = files.files;
      say("The picture has been made smaller.");
      return;
    }
  });
});
