// The theme switch: [data-theme-choice="auto|light|dark"] buttons in [data-theme-switch].

const KEY = "neuro-theme";

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

for (const group of document.querySelectorAll("[data-theme-switch]")) {
  const buttons = group.querySelectorAll("[data-theme-choice]");
  group.hidden = false;
  mark(buttons, saved());
  group.addEventListener("click", ({ target }) => {
    const theme = target.closest("[data-theme-choice]")?.dataset.themeChoice;
    if (!theme) return;
    save(theme);
    apply(theme);
    mark(buttons, theme);
  });
}
