"use strict";

const { template, figures } = JSON.parse(document.getElementById("data").textContent);
const config = {
  displaylogo: false,
  plotlyServerURL: "",
  showSendToCloud: false, // Plotly.js would offer to upload the figure
  responsive: true,
  modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"],
};
for (const [id, figure] of Object.entries(figures)) {
  Plotly.newPlot(id, figure.data, { ...figure.layout, template }, config);
}

// Paper has another width than the window, and is laid out only when printing starts.
matchMedia("print").addEventListener("change", () => {
  for (const id of Object.keys(figures)) Plotly.Plots.resize(id);
});

// Numbers as numbers, texts as texts; empty cells last, whichever the direction.
function compare(a, b, direction) {
  if (a === "" || b === "") return (a === "") - (b === "");
  const [x, y] = [Number(a), Number(b)];
  return direction * (Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x - y);
}

for (const header of document.querySelectorAll("th")) {
  header.addEventListener("click", () => {
    const direction = header.ariaSort === "ascending" ? -1 : 1;
    for (const other of header.parentElement.children) other.ariaSort = null;
    header.ariaSort = direction === 1 ? "ascending" : "descending";
    const body = header.closest("table").tBodies[0];
    const order = (row) => row.cells[header.cellIndex].dataset.order;
    body.append(...[...body.rows].sort((a, b) => compare(order(a), order(b), direction)));
  });
}
