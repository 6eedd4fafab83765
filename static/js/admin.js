// Names the cells of the administration's lists after their columns: a phone shows no
// columns, and a field in a cell has no label else.

const list = document.querySelector("#result_list");
const columns = [...(list?.tHead.rows[0].cells ?? [])].map(
  (head) => head.querySelector(".text")?.textContent.trim() ?? "",
);
for (const row of list?.tBodies[0].rows ?? [])
  [...row.cells].forEach((cell, place) => {
    const column = columns[place];
    if (!column) return;
    cell.dataset.label = column;
    const about = row.querySelector("th")?.textContent.trim();
    for (const field of cell.querySelectorAll("input:not([type=hidden]), select"))
      field.setAttribute("aria-label", `${column} of ${about}`);
  });
