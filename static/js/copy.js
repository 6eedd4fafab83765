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

function say(button, text) {
  const label = button.querySelector("[data-copy-label]") ?? button;
  button.dataset.copyText ??= label.textContent;
  label.textContent = text;
  clearTimeout(button.copyTimer);
  button.copyTimer = setTimeout(() => {
    label.textContent = button.dataset.copyText;
  }, SHOWN_MS);
}

document.addEventListener("click", async ({ target }) => {
  const button = target.closest?.("[data-copy]");
  if (!button) return;
  try {
    await write(textOf(document.querySelector(button.dataset.copy)));
    say(button, "Copied");
  } catch {
    say(button, "Press Ctrl+C");
    getSelection().selectAllChildren(document.querySelector(button.dataset.copy));
  }
});
