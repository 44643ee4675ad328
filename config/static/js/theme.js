/* The theme forms work without script; with it there is no reload. */

const root = document.documentElement;
const systemDark = matchMedia("(prefers-color-scheme: dark)");

function shown() {
  if (root.dataset.theme) return root.dataset.theme;
  return systemDark.matches ? "dark" : "light";
}

function refresh() {
  const next = shown() === "dark" ? "light" : "dark";
  for (const button of document.querySelectorAll("[data-theme-toggle]")) {
    button.value = next;
    button.setAttribute("aria-label", `Switch to ${next} theme`);
  }
  for (const button of document.querySelectorAll("[data-theme-choice]")) {
    button.setAttribute("aria-pressed", String(button.value === (root.dataset.theme ?? "system")));
  }
}

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("[data-theme-form]");
  if (!form || !event.submitter) return;
  event.preventDefault();

  const theme = event.submitter.value;
  const body = new FormData(form);
  body.set("theme", theme);
  if (theme === "system") delete root.dataset.theme;
  else root.dataset.theme = theme;
  refresh();
  await fetch(form.action, { method: "POST", body, redirect: "manual" });
});

systemDark.addEventListener("change", refresh);
refresh();
