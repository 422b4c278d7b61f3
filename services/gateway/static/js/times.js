// Times keep telling how long ago they were, in the words of the server.
import { all } from "./dom.js";

function ago(time) {
  const seconds = (Date.now() - Date.parse(time.dateTime)) / 1000;
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  return seconds < 6 * 3600 ? `${Math.floor(seconds / 3600)} h ago` : null;
}

setInterval(() => {
  for (const time of all("time[data-ago]")) {
    const text = ago(time);
    if (text && text !== time.textContent) time.textContent = text;
  }
}, 30000);

// The server writes times in the reader's zone: the one they chose, else the browser's, which it learns here.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone && !document.cookie.split("; ").includes(`accord_zone=${zone}`)) {
  document.cookie = `accord_zone=${zone}; path=/; max-age=31536000; samesite=lax${location.protocol === "https:" ? "; secure" : ""}`;
}
