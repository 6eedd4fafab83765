// Tabs. Without this module every panel of .tabs is shown with its own heading.

function select(tabs, chosen, { focus = false } = {}) {
  for (const tab of tabs) {
    const isChosen = tab === chosen;
    tab.setAttribute("aria-selected", String(isChosen));
    tab.tabIndex = isChosen ? 0 : -1;
    tab.panel.hidden = !isChosen;
  }
  if (focus) chosen.focus();
}

const STEPS = {
  ArrowRight: (index) => index + 1,
  ArrowLeft: (index) => index - 1,
  Home: () => 0,
  End: () => -1,
};

function makeTab(panel) {
  const tab = document.createElement("button");
  tab.type = "button";
  tab.role = "tab";
  tab.panel = panel;
  tab.textContent = panel.dataset.tab;
  tab.setAttribute("aria-controls", panel.id);
  tab.id = `${panel.id}-tab`;
  panel.role = "tabpanel";
  panel.setAttribute("aria-labelledby", tab.id);
  return tab;
}

function named(tabs, hash) {
  return tabs.find((tab) => `#${tab.panel.id}` === hash);
}

// Where `data-remember` names a choice, this browser keeps it from page to page. One that
// stores nothing begins with the first tab.

function remembered(tabs, { dataset }) {
  try {
    return named(tabs, `#${localStorage.getItem(`tab:${dataset.remember}`)}`);
  } catch {
    return undefined;
  }
}

function remember(tab, { dataset }) {
  if (!dataset.remember) return;
  try {
    localStorage.setItem(`tab:${dataset.remember}`, tab.panel.id);
  } catch {
    // The choice holds on this page.
  }
}

/** Turn the sections of one `.tabs` into panels of a tab bar. */
export function enhance(container) {
  const list = document.createElement("div");
  list.role = "tablist";
  list.className = "tab-list";
  list.setAttribute("aria-label", container.dataset.label ?? "Choose");
  const panels = container.querySelectorAll(":scope > [data-tab]");
  const tabs = [...panels].map(makeTab);
  list.append(...tabs);
  container.prepend(list);
  list.addEventListener("click", ({ target }) => {
    if (!target.panel) return;
    select(tabs, target);
    remember(target, container);
  });
  list.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    const chosen = tabs.at(step(tabs.indexOf(event.target)) % tabs.length);
    select(tabs, chosen, { focus: true });
    remember(chosen, container);
  });
  select(tabs, named(tabs, location.hash) ?? remembered(tabs, container) ?? tabs[0]);
  container.classList.add("is-enhanced");
}

function enhanceWithin(root) {
  root.querySelectorAll(".tabs:not(.is-enhanced)").forEach(enhance);
}

enhanceWithin(document);
// A fragment that htmx has put into the page.
document.addEventListener("htmx:load", ({ target }) => enhanceWithin(target));
