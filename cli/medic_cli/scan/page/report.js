"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const form = $("filters"), text = $("text"), region = $("region"), kind = $("kind"), shown = $("shown");
  const tiles = [...form.querySelectorAll(".tile")];
  const body = document.querySelector("tbody");
  const rows = body ? [...body.rows].map((row) => ({ row, words: row.textContent.toLowerCase(), ...row.dataset })) : [];
  const order = new Intl.Collator("en", { numeric: true });
  let sorted = "";

  const pressed = () => tiles.filter((tile) => tile.getAttribute("aria-pressed") === "true").map((tile) => tile.dataset.value);

  function filter() {
    const wanted = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const severities = pressed();
    let count = 0;
    for (const each of rows) {
      const matches =
        (!severities.length || severities.includes(each.severity)) &&
        (!region.value || each.region === region.value) &&
        (!kind.value || each.kind === kind.value) &&
        wanted.every((word) => each.words.includes(word));
      each.row.hidden = !matches;
      count += matches;
    }
    shown.textContent = `${count} of ${rows.length} findings shown${sorted}`;
    saveToUrl(severities);
  }

  function sort(header) {
    const column = header.dataset.sort;
    const ascending = header.getAttribute("aria-sort") !== "ascending";
    for (const other of document.querySelectorAll("th[data-sort]")) other.setAttribute("aria-sort", "none");
    header.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    const sign = ascending ? 1 : -1;
    rows.sort((one, other) => sign * order.compare(one[column], other[column]) || order.compare(one.place, other.place));
    body.append(...rows.map((each) => each.row));
    sorted = `, sorted by ${header.textContent.trim().toLowerCase()}, ${ascending ? "ascending" : "descending"}`;
    filter();
  }

  // Keep the filters in the URL, so that people can share a filtered view.
  function saveToUrl(severities) {
    const state = new URLSearchParams();
    if (text.value) state.set("text", text.value);
    if (region.value) state.set("region", region.value);
    if (kind.value) state.set("kind", kind.value);
    for (const severity of severities) state.append("severity", severity);
    const hash = state.toString();
    try {
      history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
    } catch {
      // Some viewers forbid the history API. The page works without it.
    }
  }

  function loadFromUrl() {
    const state = new URLSearchParams(location.hash.slice(1));
    text.value = state.get("text") ?? "";
    region.value = state.get("region") ?? "";
    kind.value = state.get("kind") ?? "";
    if (region.selectedIndex < 0) region.value = "";
    if (kind.selectedIndex < 0) kind.value = "";
    const severities = state.getAll("severity");
    for (const tile of tiles) tile.setAttribute("aria-pressed", String(severities.includes(tile.dataset.value)));
  }

  if (!rows.length) return;
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", filter);
  form.addEventListener("reset", () => {
    for (const tile of tiles) tile.setAttribute("aria-pressed", "false");
    setTimeout(filter);
  });
  for (const tile of tiles) {
    tile.addEventListener("click", () => {
      tile.setAttribute("aria-pressed", String(tile.getAttribute("aria-pressed") !== "true"));
      filter();
    });
  }
  for (const header of document.querySelectorAll("th[data-sort]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.firstElementChild.childNodes);
    header.replaceChildren(button);
    button.addEventListener("click", () => sort(header));
  }
  loadFromUrl();
  filter();
})();
