/* Short messages at the edge of the screen; they stay while pointed at or focused. */

const LIFETIME = 6000;
const MOST = 3;

export function toast({ text, undo = null, href = null }) {
  const holder = document.getElementById("toasts");
  if (!holder || !text) return;

  const box = document.createElement("div");
  box.className = "toast";
  box.append(text);
  if (href) {
    const link = document.createElement("a");
    link.className = "btn btn-sm btn-ghost";
    link.href = href;
    link.textContent = "Open";
    box.append(link);
  }
  box.append(undo ? undoButton(undo, box) : dismissButton(box));
  while (holder.children.length >= MOST) holder.firstElementChild.remove();
  holder.append(box);
  expire(box);
}

function dismissButton(box) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "btn btn-sm btn-ghost";
  button.textContent = "Dismiss";
  button.addEventListener("click", () => box.remove());
  return button;
}

/* `undo` is {url, values}: what to post to take the action back */
function undoButton(undo, box) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "btn btn-sm btn-ghost";
  button.textContent = "Undo";
  button.addEventListener("click", async () => {
    const body = new FormData();
    for (const [name, value] of Object.entries(undo.values ?? {})) body.append(name, value);
    const headers = JSON.parse(document.body.getAttribute("hx-headers") ?? "{}");
    box.remove();
    const answer = await fetch(undo.url, { method: "POST", body, headers });
    if (answer.ok) location.reload();
    else toast({ text: "That could not be undone." });
  });
  return button;
}

function expire(box) {
  const held = () => box.matches(":hover, :focus-within");
  const check = () => (held() ? setTimeout(check, 1000) : box.remove());
  setTimeout(check, LIFETIME);
}
