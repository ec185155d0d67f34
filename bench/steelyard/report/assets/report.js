"use strict";
// What a page does beyond being read: figures are drawn, tables sort, switches choose what is shown.

// Plotly sets attributes named style and adds a sheet for maps, both of which the page's Content-Security-Policy
// forbids. The same styles are allowed through an element's style object; the sheet is not needed.
const setAttribute = Element.prototype.setAttribute;
Element.prototype.setAttribute = function (name, value) {
  if (name === "style") this.style.cssText = value;
  else setAttribute.call(this, name, value);
};
const createElement = Document.prototype.createElement;
Document.prototype.createElement = function (name, options) {
  return createElement.call(this, name === "style" ? "template" : name, options);
};

// Figures.

const dark = matchMedia("(prefers-color-scheme: dark)");
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function themed(layout) {
  const ink = colour("--ink"), quiet = colour("--quiet"), line = colour("--line");
  const font = { family: getComputedStyle(document.body).fontFamily, size: 12, color: ink };
  const narrow = innerWidth < 640;
  const result = {
    margin: { l: 8, r: 8, t: 16, b: 8, autoexpand: true },
    legend: { orientation: "h", yref: "container", y: 0, yanchor: "bottom" },
    hovermode: "closest",
    ...layout,
    font, autosize: true,
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    hoverlabel: { bgcolor: colour("--raised"), bordercolor: line, font: { ...font } },
  };
  const axes = Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key));
  for (const key of new Set(["xaxis", "yaxis", ...axes])) {
    result[key] = {
      gridcolor: line, zerolinecolor: line, linecolor: quiet, tickcolor: quiet, automargin: true,
      ...(narrow && key.startsWith("x") ? { nticks: 5 } : {}),
      ...layout[key],
    };
  }
  for (const note of result.annotations || []) note.font = { ...note.font, color: ink };
  return result;
}

const options = { responsive: true, displayModeBar: false, displaylogo: false };

function draw(figure) {
  const { data, layout } = JSON.parse(figure.querySelector("script").textContent);
  return Plotly.react(figure.querySelector(".canvas"), data, themed(layout), options);
}

function button(label, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = label;
  made.addEventListener("click", act);
  return made;
}

async function save(figure, format) {
  const canvas = figure.querySelector(".canvas");
  const { width, height } = canvas.getBoundingClientRect();
  const layout = { ...canvas.layout, paper_bgcolor: colour("--paper") };
  const url = await Plotly.toImage({ data: canvas.data, layout }, { format, width, height, scale: format === "png" ? 2 : 1 });
  const link = document.createElement("a");
  link.href = url;
  link.download = `${figure.id}.${format}`;
  link.click();
}

const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (entry.isIntersecting) {
      seen.unobserve(entry.target);
      draw(entry.target);
    }
  }
}, { rootMargin: "400px" });

for (const figure of document.querySelectorAll("figure.plot")) {
  figure.querySelector(".canvas").style.height = `${figure.dataset.height}px`;
  const tools = document.createElement("p");
  tools.className = "tools";
  const name = figure.querySelector("figcaption").textContent;
  for (const format of ["svg", "png"]) {
    const made = button(format.toUpperCase(), () => save(figure, format));
    made.setAttribute("aria-label", `Save as ${format.toUpperCase()}: ${name}`);
    tools.append(made);
  }
  figure.append(tools);
}
// Plotly's script comes after this one.
addEventListener("DOMContentLoaded", () => {
  for (const figure of document.querySelectorAll("figure.plot")) seen.observe(figure);
});

function drawAll() {
  return Promise.all([...document.querySelectorAll("figure.plot")].map((figure) => { seen.unobserve(figure); return draw(figure); }));
}
dark.addEventListener("change", drawAll);
addEventListener("beforeprint", drawAll);

// Tables: a click on a heading sorts each group of rows; a second one turns them round.

const value = (row, column) => {
  const cell = row.cells[column];
  const number = cell?.dataset.value;
  return number === undefined ? cell?.textContent.trim() ?? "" : Number(number);
};

function sort(table, column, heading) {
  const down = heading.getAttribute("aria-sort") === "ascending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", down ? "descending" : "ascending");
  for (const body of table.tBodies) {
    const rows = [...body.rows].filter((row) => !row.classList.contains("group"));
    rows.sort((a, b) => {
      const [left, right] = [value(a, column), value(b, column)];
      if (typeof left !== typeof right) return typeof left === "number" ? -1 : 1; // what has no figure comes last
      const order = typeof left === "number" ? left - right : left.localeCompare(right);
      return down ? -order : order;
    });
    body.append(...rows);
  }
}

for (const table of document.querySelectorAll("table.sortable")) {
  [...table.tHead.rows[0].cells].forEach((heading, column) => {
    const made = button("", () => sort(table, column, heading));
    made.append(...heading.childNodes);
    heading.append(made);
  });
}

// Switches: <fieldset class="switch" data-target="#id" data-name="size"> with radio buttons shows, within the target,
// what has data-size of the chosen value, and what has none at all.

function choose(fieldset) {
  const name = fieldset.dataset.name;
  const chosen = fieldset.querySelector("input:checked").value;
  for (const element of document.querySelectorAll(`${fieldset.dataset.target} [data-${name}]`)) {
    element.hidden = element.dataset[name] !== chosen;
  }
}

for (const fieldset of document.querySelectorAll("fieldset.switch")) {
  fieldset.hidden = false;
  fieldset.addEventListener("change", () => choose(fieldset));
  choose(fieldset);
}

// A cell that is linked to may lie in what a switch hides, or in what is folded.
function reveal() {
  const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let element = target; element; element = element.parentElement) {
    if (element.tagName === "DETAILS") element.open = true;
    if (!element.hidden) continue;
    for (const fieldset of document.querySelectorAll("fieldset.switch")) {
      const wanted = element.dataset[fieldset.dataset.name];
      const radio = [...fieldset.querySelectorAll("input")].find((input) => input.value === wanted);
      if (radio) { radio.checked = true; choose(fieldset); }
    }
  }
  target.scrollIntoView();
}
addEventListener("hashchange", reveal);
if (location.hash) reveal();
