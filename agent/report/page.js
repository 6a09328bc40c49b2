"use strict";
// Shows the events that lie in this page. Everything of an event is set as text; nothing is loaded, nothing is kept.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const events = data.events;
  const byId = (id) => document.getElementById(id);
  const CHANGES = new Set(["Changes", "Deployments"]);
  const ALERTS = new Set(["Alerts", "Anomalies"]);
  const DAY = 86400, MOST_BEFORE = 10, MOST_DIFF_LINES = 250, MOST_FACTS = 60, MOST_PRINTED = 1000, MOST_TYPES = 60;

  const element = (tag, name, text) => {
    const made = document.createElement(tag);
    if (name) made.className = name;
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const many = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
  const span = (seconds) => {
    for (const [unit, size] of [["day", 86400], ["h", 3600], ["min", 60]])
      if (seconds >= size) return `${Math.floor(seconds / size)} ${unit}${unit === "day" && seconds >= 2 * size ? "s" : ""}`;
    return `${Math.floor(seconds)} s`;
  };
  const titled = (event) => event.why ? `${event.title} (${event.why})` : event.title;
  const category = (event) => /^[A-Za-z]+$/.test(event.category) ? event.category : "Others";
  // The first index whose event happened at `time` or later.
  const firstFrom = (time) => {
    let low = 0, high = events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (events[middle].time < time) low = middle + 1; else high = middle;
    }
    return low;
  };
  // The host's own clock, also where the reader of this page lives elsewhere: by the event that is nearest.
  const clock = (time) => {
    const near = events[Math.min(firstFrom(time), events.length - 1)];
    const offset = near ? Date.parse(near.clock.replace(" ", "T") + "Z") / 1000 - near.time : 0;
    const shown = new Date((time + (offset || 0)) * 1000);
    return isNaN(shown) ? String(time) : shown.toISOString().slice(0, 19).replace("T", " ");
  };

  // What is asked for, and the list of indices that answers it.
  const asked = { words: "", type: "", categories: null, from: -Infinity, until: Infinity };
  let found = events.map((_, index) => index);
  let chosen = -1, moment = null, run = 0;

  // --- the list: a row for each line that is in sight, used again as it scrolls
  const list = byId("list"), room = byId("room"), rows = [];
  let height = 26, queued = false;
  const draw = () => {
    queued = false;
    const needed = Math.ceil(list.clientHeight / height) + 2;
    while (rows.length < needed) {
      const row = element("div", "row");
      row.setAttribute("role", "option");
      row.parts = ["when", "kind", "title"].map((name) => row.appendChild(element("span", name)));
      rows.push(list.appendChild(row));
    }
    const first = Math.max(0, Math.floor(list.scrollTop / height) - 1);
    rows.forEach((row, at) => {
      // Each place keeps its row while it is in sight, so that little changes with a step.
      const place = first + ((at - first) % rows.length + rows.length) % rows.length;
      const index = found[place];
      row.hidden = index === undefined;
      if (row.hidden) { row.index = undefined; return; }
      const event = events[index];
      if (row.index !== index) {
        row.index = index;
        row.id = `event-${index}`;
        row.className = `row ${category(event)}`;
        row.parts[0].textContent = event.clock;
        row.parts[1].textContent = event.type;
        row.parts[2].textContent = titled(event);
      }
      row.setAttribute("aria-selected", String(index === chosen));
      row.setAttribute("aria-setsize", found.length);
      row.setAttribute("aria-posinset", place + 1);
      row.style.transform = `translateY(${place * height}px)`;
    });
    if (chosen >= 0) list.setAttribute("aria-activedescendant", `event-${chosen}`);
  };
  const redraw = () => { if (!queued) { queued = true; requestAnimationFrame(draw); } };
  const measure = () => {
    height = matchMedia("(max-width: 44rem)").matches ? 44 : 26;
    room.style.height = `${found.length * height}px`;
    redraw();
  };
  const bringIntoSight = (place) => {
    const top = place * height;
    if (top < list.scrollTop) list.scrollTop = top;
    else if (top + height > list.scrollTop + list.clientHeight) list.scrollTop = top + height - list.clientHeight;
  };
  const choose = (index, place = found.indexOf(index)) => {
    chosen = index;
    if (place >= 0) bringIntoSight(place);
    showDetail();
    redraw();
  };

  // --- filters: worked through in slices, so that typing never waits for fifty thousand events
  const fits = (event, words) =>
    event.time >= asked.from && event.time < asked.until
    && (!asked.type || event.type === asked.type)
    && (!asked.categories || asked.categories.has(event.category))
    && words.every((word) => contains(event, word));
  const contains = (event, word) => {
    const has = (text) => Boolean(text) && text.toLowerCase().includes(word);
    return has(event.title) || has(event.why) || has(event.type) || has(event.about) || has(event.text) || has(event.diff) || has(event.id)
      || (event.tags || []).some(has) || (event.data || []).some((pair) => has(pair[1]))
      || (event.changes || []).some((change) => change.some(has));
  };
  const filter = () => {
    const mine = ++run, words = asked.words.toLowerCase().split(/\s+/).filter(Boolean), result = [];
    let at = 0;
    const slice = () => {
      if (mine !== run) return;
      const end = performance.now() + 8;
      while (at < events.length && (at % 64 || performance.now() < end)) {
        if (fits(events[at], words)) result.push(at);
        at++;
      }
      if (at < events.length) { requestAnimationFrame(slice); return; }
      found = result;
      list.scrollTop = Math.max(0, found.indexOf(chosen) * height - list.clientHeight / 2);
      byId("count").textContent = found.length === events.length ? many(events.length, "event") : `${found.length.toLocaleString("en")} of ${many(events.length, "event")}`;
      measure();
    };
    slice();
  };

  // --- what changed before a moment, the nearest first: changes and deployments, other activities where there is room
  const before = (time) => {
    const changes = [], activities = [];
    for (let at = firstFrom(time + 1) - 1; at >= 0 && changes.length < MOST_BEFORE; at--) {
      const event = events[at];
      if (time - event.time > DAY) break;
      if (at === chosen) continue;
      const same = changes.find((one) => one.event.type === event.type && one.event.about === event.about && event.about);
      if (same) same.count++;
      else if (CHANGES.has(event.category)) changes.push({ event, at, count: 1 });
      else if (event.category === "Activities" && !event.type.startsWith("Agent") && activities.length < MOST_BEFORE) activities.push({ event, at, count: 1 });
    }
    return [...changes, ...activities].slice(0, MOST_BEFORE).sort((a, b) => b.at - a.at);
  };
  const showBefore = (time, why, ranked) => {
    moment = time;
    const named = new Map((ranked || events[chosen] && events[chosen].preceded_by || []).map((one) => [one[0], one[2]]));
    // What the agent itself ranked as what came before stands first, in its order.
    const near = before(time), at = (id) => events.findIndex((event) => event.id === id);
    const first = [...named.keys()].map((id) => near.find((one) => one.event.id === id)
      || { event: events[at(id)], at: at(id), count: 1 }).filter((one) => one.event);
    const items = [...first, ...near.filter((one) => !first.includes(one))].slice(0, MOST_BEFORE);
    byId("moment").textContent = `${items.length ? "" : "Nothing, in the 24 h "}before ${clock(time)}${why ? `, ${why}` : ""}`;
    byId("before").replaceChildren(...items.map(({ event, at, count }) => {
      const item = element("li"), button = item.appendChild(element("button"));
      button.type = "button";
      button.className = category(event);
      button.append(element("span", "ago", `${span(time - event.time)} before`), element("span", "title", titled(event)));
      const times = count > 1 ? `, ${count} times` : "";
      button.append(element("span", "why", `${event.clock}, ${event.type}${times}${named.has(event.id) ? `, tied to it: ${named.get(event.id)}` : ""}`));
      button.addEventListener("click", () => { choose(at); byId("detail").focus(); });
      return item;
    }));
    drawMark();
  };

  // --- one event
  const table = (name, lines) => {
    const made = element("table", name);
    lines.forEach((cells) => {
      const row = made.insertRow();
      cells.forEach((text, at) => row.appendChild(element(at ? "td" : "th", "", text)));
    });
    return made;
  };
  const sides = (text) => {
    const lines = text.replace(/\n$/, "").split("\n"), pairs = [];
    let removed = [], added = [];
    const flush = () => {
      for (let at = 0; at < Math.max(removed.length, added.length); at++) pairs.push([removed[at], added[at], "change"]);
      removed = []; added = [];
    };
    for (const line of lines) {
      if (/^(---|\+\+\+) /.test(line) && !pairs.length && !removed.length && !added.length) continue;
      if (line.startsWith("-")) { if (added.length) flush(); removed.push(line.slice(1)); }
      else if (line.startsWith("+")) added.push(line.slice(1));
      else { flush(); pairs.push(line.startsWith("@@") ? [line, line, "place"] : [line.slice(1), line.slice(1), ""]); }
    }
    flush();
    return pairs;
  };
  const diff = (text) => {
    const made = element("table", "diff"), pairs = sides(text);
    made.setAttribute("aria-label", "before on the left, after on the right");
    for (const [left, right, kind] of pairs.slice(0, MOST_DIFF_LINES)) {
      const row = made.insertRow();
      row.className = kind;
      const old = row.insertCell(), now = row.insertCell();
      old.textContent = left === undefined ? "" : left;
      now.textContent = right === undefined ? "" : right;
      if (kind === "change") { if (left !== undefined) old.className = "old"; if (right !== undefined) now.className = "new"; }
    }
    return pairs.length > MOST_DIFF_LINES ? [made, element("p", "", `The first ${MOST_DIFF_LINES} of ${pairs.length} lines. All of it:`), element("pre", "", text)] : [made];
  };
  const showDetail = () => {
    const event = events[chosen], detail = byId("detail");
    detail.hidden = !event;
    document.querySelector("main").classList.toggle("alone", !event);
    if (!event) { detail.replaceChildren(); return; }
    const parts = [element("h2", "", event.title), element("p", "", `${event.clock}, ${event.type}, ${event.category}${event.why ? `: ${event.why}` : ""}`)];
    const button = element("button", "", "What changed before this");
    button.type = "button";
    button.addEventListener("click", () => { showBefore(event.time, "the chosen event"); byId("before-heading").scrollIntoView({ block: "start" }); });
    parts.push(button);
    if (event.preceded_by) parts.push(element("h3", "", "Preceded by"), table("facts", event.preceded_by.map((one) => [one[1], one[2]])));
    if (event.changes) parts.push(element("h3", "", "Keys"), table("facts", [["key", "before", "after"], ...event.changes.slice(0, MOST_FACTS)]));
    if (event.diff) parts.push(element("h3", "", "Difference"), ...diff(event.diff));
    if (event.text) parts.push(element("h3", "", "Text"), element("pre", "", event.text));
    const facts = [...(event.data || []).slice(0, MOST_FACTS), ["tags", (event.tags || []).join(", ")], ["identifier", event.id || ""]];
    parts.push(element("h3", "", "Data"), table("facts", facts.filter((pair) => pair[1] !== "")));
    detail.replaceChildren(...parts);
    detail.scrollTop = 0;
  };

  // --- the plot: three paths, however many events
  const begin = data.since ?? (events.length ? events[0].time : data.now - 3600);
  const end = Math.max(begin + 60, data.until ?? (events.length ? events[events.length - 1].time + 1 : data.now));
  const step = [5, 15, 60, 300, 900, 3600, 10800, 21600, 86400, 604800, 2592000].find((size) => (end - begin) / size <= 120) || (end - begin) / 120;
  const stepName = { 5: "5 seconds", 15: "15 seconds", 60: "minute", 300: "5 minutes", 900: "15 minutes", 3600: "hour", 10800: "3 hours", 21600: "6 hours", 86400: "day", 604800: "week", 2592000: "30 days" }[step] || span(step);
  const origin = Math.floor(begin / step) * step, bins = [];
  const xOf = (time) => Math.min(1000, Math.max(0, (time - origin) / (step * bins.length) * 1000));
  const drawMark = () => byId("mark").setAttribute("d", moment === null ? "" : `M${xOf(moment)} 0V120`);
  const drawPlot = () => {
    for (let time = origin; time < end; time += step) bins.push([0, 0, 0]);
    for (const event of events) {
      const bin = bins[Math.floor((event.time - origin) / step)];
      if (bin) bin[ALERTS.has(event.category) ? 0 : CHANGES.has(event.category) ? 1 : 2]++;
    }
    const most = Math.max(1, ...bins.map((bin) => bin[0] + bin[1] + bin[2])), width = 1000 / bins.length;
    ["alert", "change", "other"].forEach((name, kind) => {
      const bars = bins.map((bin, at) => {
        const below = bin.slice(0, kind).reduce((sum, count) => sum + count, 0) / most * 112;
        const tall = bin[kind] && Math.max(2, bin[kind] / most * 112);
        return tall ? `M${(at * width).toFixed(2)} ${(120 - below).toFixed(2)}v${(-tall).toFixed(2)}h${(width * 0.88).toFixed(2)}v${tall.toFixed(2)}z` : "";
      });
      byId(`bars-${name}`).setAttribute("d", bars.join(""));
    });
    const alerts = events.filter((event) => ALERTS.has(event.category)).length;
    byId("plot-heading").textContent = `Events per ${stepName}`;
    byId("plot-says").textContent = `${many(events.length, "event")}, ${many(alerts, "alert")}, at most ${most} in ${/^\d/.test(stepName) ? "" : "one "}${stepName}. Red: alerts; yellow: changes and deployments; grey: others. A click shows that time alone.`;
    const ticks = Math.max(2, Math.min(6, Math.floor(byId("plot").clientWidth / 170)));
    const shown = step * bins.length / ticks < 120 ? 19 : 16;  // no two ticks say the same
    for (let at = 0; at <= ticks; at++) {
      const tick = byId("ticks").appendChild(element("span", "", clock(origin + step * bins.length * at / ticks).slice(0, shown)));
      tick.style.left = `${100 * at / ticks}%`;
    }
  };
  const showTime = (from) => {
    const again = asked.from === from;
    [asked.from, asked.until] = again ? [-Infinity, Infinity] : [from, from + step];
    byId("chosen").setAttribute("x", again ? 0 : xOf(from));
    byId("chosen").setAttribute("width", again ? 0 : 1000 / bins.length);
    filter();
  };

  // --- what people do
  const fill = () => {
    const counted = (key) => [...events.reduce((counts, event) => counts.set(event[key], (counts.get(event[key]) || 0) + 1), new Map())].sort((a, b) => b[1] - a[1]);
    counted("type").slice(0, MOST_TYPES).forEach(([type, count]) => {
      const option = byId("type").appendChild(element("option", "", `${type} (${count})`));
      option.value = type;
    });
    counted("category").slice(0, 12).forEach(([category, count]) => {
      const label = byId("categories").appendChild(element("label")), box = label.appendChild(element("input"));
      box.type = "checkbox"; box.defaultChecked = true; box.value = category;
      label.append(` ${category} (${count})`);
    });
  };
  const readFilters = () => {
    asked.words = byId("find").value;
    asked.type = byId("type").value;
    const boxes = [...byId("categories").querySelectorAll("input")];
    asked.categories = boxes.every((box) => box.checked) ? null : new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    filter();
  };
  const clear = () => {
    byId("filters").reset();
    if (asked.from !== -Infinity) showTime(asked.from);
    readFilters();
  };
  const keys = {
    ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15, Home: -Infinity, End: Infinity,
  };
  list.addEventListener("scroll", redraw, { passive: true });
  list.addEventListener("click", (event) => {
    const row = event.target.closest(".row");
    if (row && row.index !== undefined) choose(row.index);
  });
  list.addEventListener("keydown", (event) => {
    if (event.key in keys && found.length) {
      event.preventDefault();
      const at = found.indexOf(chosen);
      const place = Math.min(found.length - 1, Math.max(0, at < 0 ? (keys[event.key] > 0 ? 0 : found.length - 1) : at + keys[event.key]));
      choose(found[place], place);
    } else if (event.key === "Enter" && chosen >= 0) byId("detail").focus();
    else if (event.key === "b" && chosen >= 0) showBefore(events[chosen].time, "the chosen event");
  });
  byId("detail").addEventListener("keydown", (event) => { if (event.key === "Escape") list.focus(); });
  byId("find").addEventListener("keydown", (event) => {
    if (event.key === "Escape") { byId("find").value = ""; readFilters(); list.focus(); }
    else if (event.key === "Enter") { event.preventDefault(); list.focus(); }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !/INPUT|SELECT/.test(document.activeElement.tagName)) { event.preventDefault(); byId("find").focus(); byId("find").select(); }
  });
  byId("filters").addEventListener("input", readFilters);
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("clear").addEventListener("click", clear);
  byId("plot").addEventListener("click", (event) => {
    const area = byId("plot").getBoundingClientRect();
    showTime(origin + Math.floor((event.clientX - area.left) / area.width * bins.length) * step);
  });
  addEventListener("resize", measure);
  addEventListener("beforeprint", () => {
    const lines = found.slice(-MOST_PRINTED).map((index) => [events[index].clock, events[index].type, titled(events[index])]);
    const left = found.length - lines.length;
    byId("printed").replaceChildren(...table("", [["When", "Type", left ? `Title (the newest ${MOST_PRINTED}, ${left} older left out)` : "Title"], ...lines]).rows);
  });
  addEventListener("afterprint", () => byId("printed").replaceChildren());

  fill();
  drawPlot();
  measure();
  showDetail();
  byId("count").textContent = many(events.length, "event");
  // Begin where the question is: at the moment that was asked for, else at the last alert, else now.
  const lastAlert = events.findLastIndex((event) => ALERTS.has(event.category));
  if (data.around !== null) {
    showBefore(data.around, "the moment asked for", data.named);
    list.scrollTop = Math.max(0, firstFrom(data.around) * height - list.clientHeight / 2);
  } else if (lastAlert >= 0) {
    choose(lastAlert);
    showBefore(events[lastAlert].time, `the last alert: ${events[lastAlert].title}`);
  } else {
    showBefore(Math.min(data.now, end), "the end of this page");
    list.scrollTop = found.length * height;
  }
})();
