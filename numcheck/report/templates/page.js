// Sorting, filtering and unfolding. The page reads complete without it.
(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.add("scripted");
  const table = document.getElementById("measurements");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const shown = document.getElementById("shown");
  const fields = ["search", "of", "verdict", "cause"].map(name => document.getElementById("by-" + name));

  const filter = () => {
    const [search, of, verdict, cause] = fields.map(field => field.value.trim().toLowerCase());
    let visible = 0;
    for (const row of rows) {
      const keep = row.dataset.name.toLowerCase().includes(search)
        && (!of || row.dataset.of === of)
        && (!verdict || row.dataset.verdict === verdict)
        && (!cause || row.dataset.causes.split(" ").includes(cause));
      row.hidden = !keep;
      visible += keep;
    }
    shown.textContent = visible === rows.length ? `${rows.length} rows` : `${visible} of ${rows.length} rows`;
    regroup();
  };

  // A formula's name is written once above its routines, as long as they stand together.
  const regroup = () => {
    let above = "";
    for (const row of body.rows) {
      if (row.hidden) continue;
      const name = row.dataset.formula;
      row.classList.toggle("first", name !== above);
      above = name;
    }
  };

  for (const field of fields) field.addEventListener("input", filter);
  for (const chip of document.querySelectorAll("button[data-cause]")) {
    chip.addEventListener("click", () => {
      fields[3].value = fields[3].value === chip.dataset.cause ? "" : chip.dataset.cause;
      filter();
      table.scrollIntoView({block: "start"});
    });
  }
  for (const button of table.querySelectorAll("button.sort")) {
    button.addEventListener("click", () => {
      const head = button.closest("th");
      const descending = head.getAttribute("aria-sort") !== "descending";
      const original = head.cellIndex === 0;
      for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
      const key = row => Number(row.cells[head.cellIndex].dataset.spent);
      const sorted = original ? rows : [...rows].sort((a, b) => (descending ? key(b) - key(a) : key(a) - key(b)));
      if (!original) head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      body.append(...sorted);
      regroup();
    });
  }

  const folds = [...document.querySelectorAll("details.formula")];
  const all = document.getElementById("unfold");
  const label = () => { all.textContent = folds.every(fold => fold.open) ? "Fold all formulas" : "Unfold all formulas"; };
  all.addEventListener("click", () => {
    const open = !folds.every(fold => fold.open);
    for (const fold of folds) fold.open = open;
    label();
  });
  for (const fold of folds) fold.addEventListener("toggle", label);
  const reveal = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const fold = target && target.closest("details");
    if (fold && !fold.open) { fold.open = true; target.scrollIntoView(); }
  };
  addEventListener("hashchange", reveal);
  addEventListener("beforeprint", () => { for (const fold of folds) fold.open = true; });
  reveal();
  filter();
  label();
})();
