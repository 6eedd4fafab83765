// Copy buttons: <button data-copy="#id"> copies that element's text (or value).

const SHOWN_MS = 1600;

function textOf(element) {
  return element.value ?? element.textContent.replace(/\n$/, "");
}

async function write(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Plain http on a host other than localhost has no clipboard API.
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "visually-hidden";
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  if (!done) throw new Error("The browser refused to copy.");
}

// Unlike the button's new name, an alert is read out wherever the focus is.
function announce(button, text) {
  const alert = document.createElement("p");
  alert.className = "visually-hidden";
  alert.setAttribute("role", "alert");
  alert.textContent = text;
  (button.closest("dialog") ?? document.body).append(alert);
  setTimeout(() => alert.remove(), SHOWN_MS);
}

function say(button, text) {
  announce(button, text);
  const label = button.querySelector("[data-copy-label]") ?? button;
  button.dataset.copyText ??= label.textContent;
  label.textContent = text;
  clearTimeout(button.copyTimer);
  button.copyTimer = setTimeout(() => {
    label.textContent = button.dataset.copyText;
  }, SHOWN_MS);
}

/** Put a text on the clipboard and say so on the button; false if the browser refuses. */
export async function copy(text, button) {
  try {
    await write(text);
  } catch {
    say(button, "Press Ctrl+C");
    return false;
  }
  say(button, "Copied");
  return true;
}

function select(element) {
  if (element.select) element.select();
  else getSelection().selectAllChildren(element);
}

document.addEventListener("click", async ({ target }) => {
  const button = target.closest?.("[data-copy]");
  if (!button) return;
  const element = document.querySelector(button.dataset.copy);
  if (!(await copy(textOf(element), button))) select(element);
});
