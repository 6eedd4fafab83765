// Offers the browser's time zone beside the list of all.

const select = document.querySelector("[data-time-zone]");
const button = document.querySelector("[data-use-zone]");
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

function update() {
  button.hidden = select.value === zone;
}

if ([...select.options].some((option) => option.value === zone)) {
  button.textContent = `Use this browser’s: ${zone.replaceAll("_", " ")}`;
  button.addEventListener("click", () => {
    select.value = zone;
    update();
    select.focus();
  });
  select.addEventListener("change", update);
  update();
}
