// The theme switch: [data-theme-choice="auto|light|dark"] buttons in [data-theme-switch].
// For visitors the browser keeps the choice; for who is signed in, a form keeps it with
// the account, and the browser remembers it for the pages before the sign-in.

const KEY = "neuro-theme";

const accountTheme = document.documentElement.dataset.accountTheme;

function saved() {
  try {
    return localStorage.getItem(KEY) ?? "auto";
  } catch {
    return "auto";
  }
}

function save(theme) {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // The choice then lasts until the page is left.
  }
}

function apply(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

function mark(buttons, theme) {
  for (const button of buttons)
    button.setAttribute("aria-pressed", String(button.dataset.themeChoice === theme));
}

function keepWithAccount(form, theme) {
  const body = new FormData(form);
  body.set("theme", theme);
  return fetch(form.action, { method: "POST", body });
}

if (accountTheme) save(accountTheme);

for (const group of document.querySelectorAll("[data-theme-switch]")) {
  const buttons = group.querySelectorAll("[data-theme-choice]");
  group.hidden = false;
  mark(buttons, saved());
  group.addEventListener("click", (event) => {
    const theme = event.target.closest("[data-theme-choice]")?.dataset.themeChoice;
    if (!theme) return;
    event.preventDefault();
    const form = group.closest("form");
    if (form) keepWithAccount(form, theme);
    save(theme);
    apply(theme);
    mark(buttons, theme);
  });
}
