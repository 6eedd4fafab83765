// Runs before the first paint, so that a saved theme never flashes.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  // The page of a signed-in visitor comes with their account's theme.
  if ("accountTheme" in root.dataset) return;
  try {
    const theme = localStorage.getItem("neuro-theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  } catch {
    // Storage may be forbidden; the system's theme is right then.
  }
})();
