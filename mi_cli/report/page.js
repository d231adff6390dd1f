"use strict";
(async () => {
  const $ = (id) => document.getElementById(id);
  const unpacked = (text) => { // gzip in base64, in pages of many runs
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  };
  const written = JSON.parse($("data").textContent);
  const data = written.packed ? JSON.parse(await unpacked(written.packed)) : written;
  const PAGE = 100;
  const columns = data.columns;

  // --- state that outlives a reload
  const KEY = "mi-report:" + location.pathname;
  let saved = {};
  try { saved = JSON.parse(sessionStorage.getItem(KEY)) || {}; } catch { saved = {}; }
  const state = { sort: null, down: false, search: "", filters: {}, page: 0, shown: {}, open: [], paused: false, ...saved };
  const save = () => {
    state.open = [...document.querySelectorAll("details[open]")].map((details) => details.id);
    state.scroll = scrollY;
    try { sessionStorage.setItem(KEY, JSON.stringify(state)); } catch { /* the browser may allow no storage */ }
  };

  // --- values
  const asNumber = (value) => (value === "inf" ? Infinity : value === "-inf" ? -Infinity : value);
  for (const column of columns) {
    if (column.number) column.values = column.values.map(asNumber);
    column.texts = new Array(data.rows);
    column.label = column.unit ? `${column.name} (${column.unit})` : column.name;
    const first = column.values[0];
    column.same = data.rows > 1 && column.values.every((value) => value === first);
    column.long = !column.number && column.values.some((value) => value !== null && value.length > 40);
  }
  const SMALLEST_P = 1e-12; // which stands for all that are smaller
  const shown = (value, column) => {
    if (value === null) return "";
    if (typeof value !== "number") return value;
    if (!Number.isFinite(value)) return value > 0 ? "∞" : "-∞";
    if (column.plain) return String(Number.isInteger(value) ? value : Number(value.toPrecision(6)));
    if (column.name === "p_value" && value <= SMALLEST_P) return "< 1e-12";
    const size = Math.abs(value);
    if (column.unit && size < 1e4) return value.toFixed(4).replace(/^-(0\.0+)$/, "$1"); // as in all tables of nats
    return size === 0 || size >= 1e-3 && size < 1e4 ? value.toFixed(4) : value.toExponential(1);
  };
  const text = (column, row) => (column.texts[row] ??= shown(column.values[row], column));
  const visible = () => columns.filter((column) => state.shown[column.name] ?? !column.same);

  // --- filtering and sorting
  const NUMBER = "([+-]?(?:\\d+\\.?\\d*|\\.\\d+)(?:e[+-]?\\d+)?|[+-]?inf)";
  const COMPARED = new RegExp(`^(<=|>=|<|>|=)\\s*${NUMBER}$`, "i");
  const BETWEEN = new RegExp(`^${NUMBER}\\s*\\.\\.\\s*${NUMBER}$`, "i");
  const parsed = (written) => (/inf$/i.test(written) ? (written[0] === "-" ? -Infinity : Infinity) : Number(written));
  const test = (column, wanted) => {
    if (wanted === "=") return (row) => column.values[row] === null || column.values[row] === "";
    if (column.number) {
      const compared = COMPARED.exec(wanted), between = BETWEEN.exec(wanted);
      if (between) {
        const low = parsed(between[1]), high = parsed(between[2]);
        return (row) => column.values[row] !== null && column.values[row] >= low && column.values[row] <= high;
      }
      if (compared) {
        const limit = parsed(compared[2]);
        const by = { "<": (a) => a < limit, ">": (a) => a > limit, "<=": (a) => a <= limit, ">=": (a) => a >= limit, "=": (a) => a === limit }[compared[1]];
        return (row) => column.values[row] !== null && by(column.values[row]);
      }
    }
    const part = wanted.toLowerCase();
    return (row) => text(column, row).toLowerCase().includes(part);
  };
  const collator = new Intl.Collator("en", { numeric: true });
  let order = [];
  const ranks = new Map();
  const rank = (column) => { // texts are compared once, and not each time the table is sorted
    if (!ranks.has(column)) {
      const rankOf = new Map([...new Set(column.values)].filter((value) => value !== null).sort(collator.compare).map((value, at) => [value, at]));
      ranks.set(column, column.values.map((value) => (value === null ? null : rankOf.get(value))));
    }
    return ranks.get(column);
  };
  const arrange = () => {
    const tests = columns.filter((column) => (state.filters[column.name] ?? "").trim()).map((column) => test(column, state.filters[column.name].trim()));
    const words = state.search.toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length) tests.push((row) => words.every((word) => columns.some((column) => text(column, row).toLowerCase().includes(word))));
    order = [];
    for (let row = 0; row < data.rows; row++) if (tests.every((passes) => passes(row))) order.push(row);
    const column = columns.find((other) => other.name === state.sort);
    if (column) {
      const values = column.number ? column.values : rank(column), way = state.down ? -1 : 1;
      order.sort((a, b) => {
        const x = values[a], y = values[b];
        if (x === null || y === null) return (x === null) - (y === null) || a - b; // empty cells come last in both directions
        return x < y ? -way : x > y ? way : a - b;
      });
    }
  };

  // --- drawing
  const make = (tag, fields = {}, ...inside) => {
    const element = Object.assign(document.createElement(tag), fields);
    element.append(...inside);
    return element;
  };
  const ariaSort = (column) => (state.sort !== column.name ? "none" : state.down ? "descending" : "ascending");
  const drawHead = () => {
    const names = make("tr"), filters = make("tr");
    for (const column of visible()) {
      const button = make("button", { type: "button" }, column.name);
      if (column.unit) button.append(make("span", { className: "unit" }, ` (${column.unit})`));
      const cell = make("th", { scope: "col", className: column.number ? "number" : "" }, button);
      cell.setAttribute("aria-sort", ariaSort(column));
      button.addEventListener("click", () => {
        [state.sort, state.down] = state.sort !== column.name ? [column.name, false] : state.down ? [null, false] : [column.name, true];
        for (const [at, other] of visible().entries()) names.children[at].setAttribute("aria-sort", ariaSort(other));
        update();
      });
      names.append(cell);
      const input = make("input", { type: "text", value: state.filters[column.name] ?? "", autocomplete: "off", spellcheck: false });
      input.setAttribute("aria-label", `Filter ${column.label}`);
      input.addEventListener("input", () => { state.filters[column.name] = input.value; updateSoon(); });
      filters.append(make("td", {}, input));
    }
    document.querySelector("#rows thead").replaceChildren(names, filters);
  };
  const drawRows = () => {
    const last = Math.max(0, Math.ceil(order.length / PAGE) - 1);
    state.page = Math.min(state.page, last);
    const from = state.page * PAGE, rows = order.slice(from, from + PAGE), drawn = visible();
    document.querySelector("#rows tbody").replaceChildren(...rows.map((row) => make("tr", {}, ...drawn.map((column) => {
      const value = text(column, row);
      const kind = column.number ? "number" : column.name === "status" && value !== "ok" ? "lost" : column.long ? "long" : "";
      return make("td", { className: kind }, value);
    }))));
    const some = order.length ? `Rows ${(from + 1).toLocaleString("en")} to ${(from + rows.length).toLocaleString("en")} of ` : "";
    const all = order.length === data.rows ? "" : ` (of ${data.rows.toLocaleString("en")} in all)`;
    $("count").textContent = data.rows ? `${some}${order.length.toLocaleString("en")}${order.length ? "" : " rows"}${all}` : "No results yet.";
    $("before").disabled = state.page === 0;
    $("after").disabled = state.page === last;
  };
  const update = () => { state.page = 0; arrange(); drawRows(); save(); };
  let waiting = 0;
  const updateSoon = () => { clearTimeout(waiting); waiting = setTimeout(update, 120); }; // once, after some letters
  const drawConstants = () => {
    const hidden = columns.filter((column) => column.same && !visible().includes(column));
    $("same").textContent = hidden.length ? `The same in all rows: ${hidden.map((column) => `${column.label} ${text(column, 0) || "–"}`).join(", ")}.` : "";
  };
  for (const column of columns) {
    const box = make("input", { type: "checkbox", checked: visible().includes(column) });
    box.addEventListener("change", () => { state.shown[column.name] = box.checked; drawHead(); drawRows(); drawConstants(); save(); });
    $("choice").append(make("label", {}, box, ` ${column.label}`));
  }
  const turn = (by) => { state.page += by; drawRows(); document.querySelector("#results .tall").scrollTop = 0; save(); };
  $("before").addEventListener("click", () => turn(-1));
  $("after").addEventListener("click", () => turn(1));
  $("search").value = state.search;
  $("search").addEventListener("input", () => { state.search = $("search").value; updateSoon(); });
  $("clear").addEventListener("click", () => {
    state.search = $("search").value = "";
    state.filters = {};
    drawHead();
    update();
  });
  $("save").addEventListener("click", () => { // with all digits, not as the table shows them
    const quoted = (value) => {
      const written = value === null ? "" : String(value).replace("Infinity", "inf");
      return /[",\n\r]/.test(written) ? `"${written.replaceAll('"', '""')}"` : written;
    };
    const lines = [columns.map((column) => quoted(column.label)), ...order.map((row) => columns.map((column) => quoted(column.values[row])))];
    const link = make("a", { download: "results.csv", href: URL.createObjectURL(new Blob([lines.map((line) => line.join(",") + "\n").join("")], { type: "text/csv" })) });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });
  for (const id of state.open) if (id && $(id)) $(id).open = true;
  $("table").hidden = false;
  drawHead();
  drawConstants();
  const page = state.page;
  arrange();
  state.page = page;
  drawRows();
  if (state.scroll && document.body.dataset.refresh) scrollTo({ top: state.scroll, behavior: "instant" });

  // --- figures: the value of the mark that one points at, or goes to with the arrow keys
  const tip = make("div", { className: "tip" }), ring = make("span", { className: "ring" });
  tip.setAttribute("role", "status");
  document.body.append(tip);
  const hide = () => { tip.replaceChildren(); ring.remove(); };
  const show = (plot, mark) => {
    const drawn = plot.querySelector(".drawn"), heads = mark.row.closest("table").querySelectorAll("thead th");
    ring.style.left = `${mark.x}%`;
    ring.style.top = `${mark.y}%`;
    drawn.append(ring);
    const lines = [...mark.row.cells].map((cell, at) => [heads[at].textContent, cell.textContent]).filter(([, value]) => value);
    tip.replaceChildren(...lines.map(([head, value]) => make("div", {}, make("span", {}, `${head}: `), make("b", {}, value), " ")));
    (plot.closest("dialog") ?? document.body).append(tip);
    const box = ring.getBoundingClientRect(), own = tip.getBoundingClientRect();
    const left = Math.min(Math.max(4, box.left + box.width / 2 - own.width / 2), document.documentElement.clientWidth - own.width - 4);
    const top = box.top - own.height - 6 > 0 ? box.top - own.height - 6 : box.bottom + 6;
    tip.style.transform = `translate(${left}px, ${top}px)`;
  };
  const marksIn = (figure) => [...figure.querySelectorAll("tr[data-at]")].map((row) => {
    const [x, y] = row.dataset.at.split(" ").map(Number);
    return { row, x, y };
  });
  const REACH = 30; // pixels from the pointer
  const tell = (plot, marksOf) => {
    let at = -1;
    const go = (to) => {
      const marks = marksOf();
      if (!marks.length) return;
      at = Math.min(Math.max(to, 0), marks.length - 1);
      show(plot, marks[at]);
      ring.scrollIntoView({ block: "nearest", inline: "nearest", behavior: "instant" });
      show(plot, marks[at]); // the place of the tip, after scrolling
    };
    const point = (event) => {
      const box = plot.querySelector(".drawn").getBoundingClientRect();
      const far = (mark) => Math.hypot(box.left + mark.x * box.width / 100 - event.clientX, box.top + mark.y * box.height / 100 - event.clientY);
      let near = REACH, found = -1;
      for (const [number, mark] of marksOf().entries()) if (far(mark) < near) [near, found] = [far(mark), number];
      if (found < 0) return hide();
      at = found;
      show(plot, marksOf()[found]);
    };
    plot.addEventListener("pointermove", point);
    plot.addEventListener("pointerdown", point);
    plot.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") hide(); });
    plot.addEventListener("blur", hide);
    plot.addEventListener("keydown", (event) => {
      const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: Infinity }[event.key];
      if (event.key === "Escape" && tip.firstChild) hide();
      else if (to !== undefined && marksOf().length) go(to);
      else return;
      event.preventDefault();
    });
  };
  const large = $("large");
  let enlarged = [];
  tell(large.querySelector(".plot"), () => enlarged);
  large.addEventListener("close", hide);
  const prepareFigures = (within) => {
    for (const figure of within.querySelectorAll("figure")) {
      const plot = figure.querySelector(".plot"), marks = marksIn(figure);
      if (!plot || !marks.length) continue;
      plot.setAttribute("role", "application");
      plot.setAttribute("aria-label", `${plot.getAttribute("aria-label")}: arrow keys go through its ${marks.length} values`);
      tell(plot, () => marks);
    }
    for (const button of within.querySelectorAll(".enlarge")) {
      button.hidden = false;
      button.addEventListener("click", () => {
        const figure = button.closest("figure"), image = figure.querySelector("img"), copy = large.querySelector("img");
        [copy.src, copy.alt, copy.className] = [image.src, image.alt, image.className];
        enlarged = marksIn(figure);
        large.querySelector(".plot").setAttribute("role", enlarged.length ? "application" : "group");
        large.showModal();
      });
    }
  };
  prepareFigures(document);

  // --- figures that are packed, to keep a page of many runs small; they are unpacked when their part is unfolded
  const unpack = async (box) => {
    const text = box.dataset.packed;
    if (!text) return;
    box.dataset.packed = "";
    box.innerHTML = await unpacked(text);
    prepareFigures(box);
  };
  for (const box of document.querySelectorAll(".packed")) {
    const part = box.closest("details");
    if (part && !part.open) part.addEventListener("toggle", () => unpack(box));
    else unpack(box);
  }

  // --- a link to a folded part unfolds it
  const unfold = () => {
    const target = $(location.hash.slice(1));
    if (target?.matches("details")) target.open = true;
  };
  addEventListener("hashchange", unfold);
  unfold();

  // --- a page that is written again and again reloads itself, unless its user is typing or has paused it
  const refresh = Number(document.body.dataset.refresh);
  if (refresh) {
    const box = $("refresh");
    box.checked = !state.paused;
    box.addEventListener("change", () => { state.paused = !box.checked; save(); });
    setInterval(() => {
      const typing = document.activeElement?.matches("input[type=text], input[type=search]");
      if (box.checked && !typing && !large.open && !document.hidden) { save(); location.reload(); }
    }, refresh * 1000);
  }
})();
