/* What script adds to pages that work without it. docs/design-system.md lists the hooks. */
(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.add("js");
  const $ = (selector, from = document) => from.querySelector(selector);
  const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];
  const words = $("#words")?.dataset ?? {};
  const fill = (text, values) => (text ?? "").replace(/%\((\w+)\)[ds]/g, (whole, name) => values[name] ?? whole);
  const shown = (element) => element.checkVisibility ? element.checkVisibility({ visibilityProperty: true }) : element.offsetParent !== null;
  const remembered = { get: (key) => { try { return localStorage.getItem(key); } catch { return null; } }, set: (key, value) => { try { localStorage.setItem(key, value); } catch { /* private window */ } } };

  /* --- Messages become toasts; what went wrong stays where it stands -------------------------- */
  const place = $("#toasts");
  const tones = { success: ["note-good", "✓"], warning: ["note-warn", "!"], error: ["note-bad", "!"] };
  function settle(item, calm) {
    const note = $(".note", item) ?? item;
    const close = document.createElement("button");
    Object.assign(close, { type: "button", className: "note-close", textContent: "×" });
    close.setAttribute("aria-label", words.close ?? "×");
    close.addEventListener("click", () => item.remove());
    note.append(close);
    if (!calm) return;
    let left = setTimeout(() => item.remove(), 7000);
    for (const hold of ["mouseenter", "focusin"]) item.addEventListener(hold, () => clearTimeout(left));
    for (const go of ["mouseleave", "focusout"]) item.addEventListener(go, () => { left = setTimeout(() => item.remove(), 3000); });
  }
  function toast(text, tone = "info") {
    if (!place) return;
    const item = document.createElement("div"), note = document.createElement("div"), body = document.createElement("div");
    note.className = `note ${(tones[tone] ?? [""])[0]}`;
    const mark = document.createElement("b");
    mark.textContent = (tones[tone] ?? ["", "i"])[1];
    mark.setAttribute("aria-hidden", "true");
    body.textContent = text;
    note.append(mark, body);
    item.append(note);
    place.append(item);
    settle(item, tone !== "error");
  }
  for (const item of $$("[data-messages] > div")) {
    if (["success", "info"].includes($(".note", item)?.dataset.tone) && place) {
      place.append(item);
      settle(item, true);
    } else settle(item, false);
  }
  if (place) new MutationObserver((changes) => changes.forEach((change) => change.addedNodes.forEach((node) => {
    if (node.nodeType === 1 && !$(".note-close", node)) settle(node, !/error|bad/.test($(".note", node)?.dataset.tone ?? ""));
  }))).observe(place, { childList: true });

  /* --- Errors of a form, and leaving one that is not saved ----------------------------------- */
  $("[data-errors]")?.focus();
  for (const sheet of $$("[popover][data-open]")) sheet.showPopover?.();
  const guarded = new Set();
  document.addEventListener("input", (event) => { const form = event.target.closest?.("form[data-guard]"); if (form) guarded.add(form); });
  document.addEventListener("submit", (event) => guarded.delete(event.target));
  document.addEventListener("reset", (event) => guarded.delete(event.target));
  document.addEventListener("kept", (event) => guarded.delete(event.target.closest?.("form")));
  window.addEventListener("beforeunload", (event) => { if ([...guarded].some((form) => form.isConnected)) event.preventDefault(); });
  /* one press, one request */
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || event.defaultPrevented) return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
    setTimeout(() => delete form.dataset.sent, 4000);
  });
  window.addEventListener("pageshow", () => $$("form[data-sent]").forEach((form) => delete form.dataset.sent));

  /* --- A table that scrolls sideways can be scrolled by the keyboard --------------------------- */
  function reachable() {
    for (const wrap of $$(".table-wrap")) {
      const named = wrap.dataset.named ??= wrap.getAttribute("aria-label") ?? "";
      if (wrap.scrollWidth > wrap.clientWidth) { wrap.tabIndex = 0; wrap.setAttribute("role", "group"); wrap.setAttribute("aria-label", named || (($("h2, h3", wrap.closest(".card") ?? wrap) ?? $("h1"))?.textContent.trim() ?? "")); }
      else for (const name of ["tabindex", "role", "aria-label"]) wrap.removeAttribute(name);
    }
  }
  reachable();
  window.addEventListener("resize", reachable);

  /* --- Menus close on Escape and outside ------------------------------------------------------ */
  document.addEventListener("click", (event) => {
    for (const menu of $$("details[data-menu][open]")) if (!menu.contains(event.target)) menu.open = false;
    const jump = event.target.closest?.('.form-errors a[href^="#"]');
    if (jump) { const field = document.getElementById(jump.hash.slice(1)); const input = field?.matches("input,select,textarea") ? field : $("input,select,textarea", field ?? root); if (input) { event.preventDefault(); input.focus(); } }
    if (event.target.closest?.(".skip")) { event.preventDefault(); $("#main")?.focus(); }
    if (event.target.closest?.("[data-keys-open]")) openHelp();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of $$("details[data-menu][open]")) { menu.open = false; $("summary", menu)?.focus(); }
  });

  /* --- Theme at once; the form does the same without script ----------------------------------- */
  document.addEventListener("submit", async (event) => {
    const form = event.target.closest?.("[data-theme-form]"), chosen = event.submitter?.value;
    if (!form || !chosen || event.defaultPrevented) return;
    event.preventDefault();
    delete form.dataset.sent;
    const data = new FormData(form, event.submitter);
    try {
      const answer = await fetch(form.action, { method: "POST", body: data, headers: { "X-Requested-With": "fetch" } });
      if (!answer.ok) throw new Error(String(answer.status));
      if (chosen === "auto") delete root.dataset.theme; else root.dataset.theme = chosen;
      for (const button of $$("[data-theme-form] button")) button.setAttribute("aria-pressed", String(button.value === chosen));
    } catch { toast(words.offline, "error"); }
  });

  /* --- Selecting ------------------------------------------------------------------------------ */
  function count() {
    const boxes = $$("[data-bulk]"), taken = boxes.filter((box) => box.checked).length;
    for (const text of $$("[data-selected]")) text.textContent = taken ? fill(words.selected, { n: taken }) : "";
    for (const all of $$("[data-select-all]")) { all.checked = taken > 0 && taken === boxes.length; all.indeterminate = taken > 0 && taken < boxes.length; }
  }
  let lastBox = null;
  document.addEventListener("click", (event) => {
    const box = event.target;
    if (!box.matches?.("[data-bulk]")) return;
    if (event.shiftKey && lastBox?.isConnected) {
      const boxes = $$("[data-bulk]"), [from, to] = [boxes.indexOf(lastBox), boxes.indexOf(box)].sort((a, b) => a - b);
      for (const between of boxes.slice(from, to + 1)) between.checked = box.checked;
    }
    lastBox = box;
    count();
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches?.("[data-select-all]")) for (const box of $$("[data-bulk]")) box.checked = event.target.checked;
    if (event.target.matches?.("[data-bulk], [data-select-all]")) count();
    if (event.target.matches?.("[data-keys-on]")) { remembered.set("liuke.keys", event.target.checked ? "on" : "off"); keysSwitch(); }
  });
  count();

  /* --- Keyboard ------------------------------------------------------------------------------- */
  const keysOn = () => remembered.get("liuke.keys") !== "off";
  function keysSwitch() { root.classList.toggle("no-keys", !keysOn()); for (const box of $$("[data-keys-on]")) box.checked = keysOn(); }
  keysSwitch();
  function openHelp() {
    const help = $("#keys"), list = $("[data-keys-list]");
    if (!help || help.open) return;
    $$("[data-added]", list).forEach((row) => row.remove());
    for (const element of $$("[data-key-label]").filter(shown)) {
      const row = document.createElement("div"), what = document.createElement("dt"), how = document.createElement("dd"), key = document.createElement("kbd");
      row.dataset.added = "";
      what.textContent = element.dataset.keyLabel;
      key.textContent = element.dataset.key.toUpperCase();
      how.append(key);
      row.append(what, how);
      list.append(row);
    }
    help.showModal();
  }
  const typing = (element) => element.closest("input:not([type=checkbox],[type=radio],[type=button],[type=submit]), select, textarea, [contenteditable]");
  function move(by) {
    const links = $$("[data-rows] [data-row-link]").filter(shown);
    if (!links.length) return false;
    const at = links.indexOf(document.activeElement?.closest("[data-row]")?.querySelector("[data-row-link]"));
    const next = links[at < 0 ? (by > 0 ? 0 : links.length - 1) : Math.min(Math.max(at + by, 0), links.length - 1)];
    next.focus();
    next.closest("[data-row]").scrollIntoView({ block: "nearest" });
    return true;
  }
  function select() {
    const box = document.activeElement?.closest("[data-row]")?.querySelector("[data-bulk]");
    if (!box) return false;
    box.checked = !box.checked;
    box.dispatchEvent(new Event("change", { bubbles: true }));
    return true;
  }
  function search() {
    const field = $$("[data-search]").find(shown), link = $("a.rail-search, .phonebar > a.phone-btn");
    if (field) { field.focus(); field.select?.(); } else if (link) link.click(); else return false;
    return true;
  }
  function press(key) {
    const element = $$(`[data-key="${CSS.escape(key)}"]`).find(shown);
    if (!element || element.disabled) return false;
    if (element.matches("select, textarea, input:not([type=radio],[type=checkbox],[type=submit])")) element.focus(); else { element.focus(); element.click(); }
    return true;
  }
  const keys = { j: () => move(1), k: () => move(-1), x: select, "/": search, "?": () => { openHelp(); return true; } };
  document.addEventListener("keydown", (event) => {
    if (!keysOn() || event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.repeat && !"jk".includes(event.key)) return;
    if (!(event.target instanceof Element) || typing(event.target) || $("dialog[open], [popover]:popover-open") || event.key.length !== 1) return;
    const key = event.key.toLowerCase();
    if ((keys[key] ?? (() => press(key)))()) event.preventDefault();
  });

  /* --- The search box suggests: a combobox over links; without script it is a plain form ---------- */
  const linesOf = (form) => $$(".find-item", form);
  function fold(form) {
    const field = $("[data-search]", form);
    $(".find-list", form).hidden = true;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
    for (const line of linesOf(form)) line.setAttribute("aria-selected", "false");
  }
  function point(form, line) {
    for (const one of linesOf(form)) one.setAttribute("aria-selected", String(one === line));
    const field = $("[data-search]", form);
    if (line) { field.setAttribute("aria-activedescendant", line.id); line.scrollIntoView({ block: "nearest" }); } else field.removeAttribute("aria-activedescendant");
  }
  for (const form of $$("[data-find]")) {
    const field = $("[data-search]", form), list = $(".find-list", form);
    if (!field.hasAttribute("hx-get")) continue;
    for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-expanded", "false"], ["aria-haspopup", "listbox"], ["aria-controls", list.id]]) field.setAttribute(name, value);
    form.addEventListener("htmx:afterSwap", () => {
      linesOf(form).forEach((line, n) => { line.id = `${list.id}-${n}`; });
      const open = document.activeElement === field && linesOf(form).length > 0;
      list.hidden = !open;
      field.setAttribute("aria-expanded", String(open));
      point(form, null);
      $("[role=status]", form).textContent = open ? $("[data-said]", list)?.dataset.said ?? "" : "";
    });
    form.addEventListener("focusout", (event) => { if (!form.contains(event.relatedTarget)) fold(form); });
    list.addEventListener("mousedown", (event) => event.preventDefault()); /* the field keeps the focus, the click still counts */
    field.addEventListener("keydown", (event) => {
      const lines = linesOf(form), at = lines.findIndex((line) => line.getAttribute("aria-selected") === "true");
      if (event.isComposing) return;
      if (event.key === "Escape" && !list.hidden) { fold(form); event.preventDefault(); event.stopPropagation(); return; }
      if (!lines.length) return;
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        if (list.hidden) { list.hidden = false; field.setAttribute("aria-expanded", "true"); }
        const by = event.key === "ArrowDown" ? 1 : -1;
        point(form, lines[at < 0 ? (by > 0 ? 0 : lines.length - 1) : (at + by + lines.length) % lines.length]);
        event.preventDefault();
      } else if (event.key === "Enter" && at >= 0 && !list.hidden) { event.preventDefault(); location.assign(lines[at].href); }
    });
  }

  /* --- Times stay true while the page stands open --------------------------------------------- */
  const shift = root.dataset.now ? new Date(root.dataset.now) - Date.now() : 0;
  const minute = 60000, hour = 60 * minute, soon = 4 * hour;
  function span(length, whole) {
    const minutes = Math.floor(length / minute), hours = Math.floor(minutes / 60), days = Math.floor(hours / 24);
    if (minutes < 60) return fill(words.minutes, { n: minutes });
    if (hours < 24) return fill(words.hours, { hours }) + (!whole && minutes % 60 ? ` ${fill(words.minutes, { n: minutes % 60 })}` : "");
    return fill(words.days, { days }) + (days < 7 && hours % 24 ? ` ${fill(words.hours, { hours: hours % 24 })}` : "");
  }
  function tick() {
    const now = Date.now() + shift;
    for (const time of $$("time[data-when]")) {
      const ago = now - new Date(time.dateTime);
      if (ago >= 0 && ago < minute) time.textContent = words.now;
      else if (ago >= 0 && ago < hour) time.textContent = fill(words.ago, { span: span(ago) });
    }
    for (const time of $$("time[data-due]")) {
      const left = new Date(time.dateTime) - now, text = time.querySelector("span");
      if (left < 0) { time.classList.replace("tag-warn", "tag-bad") || time.classList.add("tag-bad"); text.textContent = fill(words.late, { span: span(-left) }); }
      else if (left <= soon) { time.classList.add("tag-warn"); text.textContent = fill(words.in, { span: span(left) }); }
    }
  }
  if (words.minutes) setInterval(tick, 30000);

  /* --- htmx: live parts ask with their ETag and never disturb somebody's work ------------------- */
  const seen = new Map();
  const nameOf = (element) => `${element.id} ${element.getAttribute("hx-get")}`;
  const tagOf = (element) => seen.get(nameOf(element)) ?? element.dataset.tag;
  const liveOf = (event) => { const live = event.target.closest?.("[data-live]"); return live === event.target ? live : null; };
  let pressed = false;
  for (const name of ["pointerdown", "pointerup", "pointercancel"]) document.addEventListener(name, () => { pressed = name === "pointerdown"; }, true);
  function reading(element) { const chosen = getSelection(); return !!chosen?.rangeCount && !chosen.isCollapsed && chosen.getRangeAt(0).intersectsNode(element); }
  const busy = (element) => document.hidden || pressed || $("dialog[open], [popover]:popover-open", document) || $(":checked[data-bulk]", element) || reading(element) || (element.contains(document.activeElement) && typing(document.activeElement));
  document.addEventListener("htmx:configRequest", (event) => {
    const live = liveOf(event);
    if (!live) return;
    if (busy(live)) { event.preventDefault(); return; }
    const tag = tagOf(live);
    if (tag) event.detail.headers["If-None-Match"] = tag;
  });
  /* the answer may come when somebody has begun to do something: then the next one will do */
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    const live = liveOf(event);
    if (!live) return;
    const anew = event.detail.xhr.getResponseHeader("HX-Refresh");
    if (busy(live) || (anew && typing(document.activeElement ?? root))) event.preventDefault();
  });
  /* what has the focus keeps it, and the line that somebody points at or reads stays where it is */
  const keyOf = (element) => element.getAttribute("href") ? `[href="${CSS.escape(element.getAttribute("href"))}"]` : element.name && element.value ? `[name="${CSS.escape(element.name)}"][value="${CSS.escape(element.value)}"]` : element.id ? `#${CSS.escape(element.id)}` : null;
  const topOf = (row) => row.getBoundingClientRect().top;
  const linkOf = (row) => $("[data-row-link]", row)?.getAttribute("href");
  let kept = null;
  document.addEventListener("htmx:beforeSwap", (event) => {
    const live = event.target.closest?.("[data-live]");
    const tag = event.detail.xhr?.getResponseHeader("ETag");
    if (live && tag && event.detail.xhr.status === 200) seen.set(nameOf(live), tag);
    kept = null;
    if (!live) return;
    const rows = $$("[data-row]", live), focus = live.contains(document.activeElement) ? document.activeElement : null;
    const row = $("[data-row]:hover", live) ?? focus?.closest("[data-row]") ?? (topOf(live) < 0 ? rows.find((one) => one.getBoundingClientRect().bottom > 0) : null);
    kept = { id: live.id, focus: focus && keyOf(focus), at: focus ? rows.indexOf(focus.closest("[data-row]")) : -1, link: row && linkOf(row), top: row && topOf(row) };
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    reachable();
    count();
    const live = kept && document.getElementById(kept.id);
    if (live) {
      const rows = $$("[data-row]", live), row = kept.link && rows.find((one) => linkOf(one) === kept.link);
      if (row && topOf(row) !== kept.top) scrollBy({ top: topOf(row) - kept.top, behavior: "instant" });
      const next = kept.focus && ($(kept.focus, live) ?? $("[data-row-link]", rows[Math.min(kept.at, rows.length - 1)] ?? live));
      next?.focus({ preventScroll: true });
    } else if (!event.target.closest?.("[data-live]")) $("[data-errors]")?.focus();
    kept = null;
  });
  document.addEventListener("htmx:responseError", (event) => { if (!event.target.closest?.("[data-live], [data-find]")) toast(words.failed, "error"); });
  document.addEventListener("htmx:sendError", (event) => { if (!event.target.closest?.("[data-live], [data-find]")) toast(words.offline, "error"); });
  document.addEventListener("toast", (event) => toast(event.detail?.text ?? event.detail?.value ?? "", event.detail?.tone));

  /* --- Where one is stays in sight in a row of tabs that is wider than the screen ---------------- */
  for (const here of $$(".views [aria-current]")) {
    const row = here.closest(".views"), over = here.getBoundingClientRect().right - row.getBoundingClientRect().right;
    if (over > 0) row.scrollLeft += over + 24;
  }

  /* --- The condition editor: what one can choose from, narrowed by what is typed ---------------- */
  document.addEventListener("input", (event) => {
    const field = event.target.closest?.("[data-picker-search]");
    if (!field) return;
    event.stopPropagation();  /* searching changes no condition */
    const picker = field.closest("[data-picker]"), words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const option of $$("[data-picker-option]", picker)) option.hidden = !words.every((word) => option.dataset.pickerOption.includes(word));
    for (const group of $$("[data-picker-group]", picker)) group.hidden = !$("[data-picker-option]:not([hidden])", group);
    $("[data-picker-none]", picker).hidden = !!$("[data-picker-group]:not([hidden])", picker);
  }, true);
  document.addEventListener("keydown", (event) => {
    const field = event.target.closest?.("[data-picker-search]");
    if (!field || event.isComposing || event.key !== "Enter") return;
    event.preventDefault();  /* the first that is left */
    $("[data-picker-option]:not([hidden]) button", field.closest("[data-picker]"))?.click();
  });
})();
