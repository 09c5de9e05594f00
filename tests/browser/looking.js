({
  /* texts that are cut off without an ellipsis, or stand out of sight */
  clipped() {
    const hidden = ".visually-hidden, .skip, [hidden], svg, .views, .table-wrap, pre, code, textarea, input, select";
    const seen = [];
    for (const element of document.querySelectorAll("main *, header *, nav *")) {
      const style = getComputedStyle(element);
      if (!element.checkVisibility({ visibilityProperty: true }) || style.clipPath !== "none") continue;
      if (element.closest(hidden)) continue;
      if (![...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim())) continue;
      const text = element.textContent.trim().slice(0, 60);
      const cuts = ["hidden", "clip"].includes(style.overflowX) && style.textOverflow !== "ellipsis";
      if (cuts && element.scrollWidth > element.clientWidth + 1) seen.push(`${element.tagName}: ${text}`);
      const box = element.getBoundingClientRect();
      const right = document.documentElement.clientWidth + 1;
      if (!element.closest(".table-wrap, .views, pre, [popover]") && box.width && box.right > right) seen.push(`out of sight: ${text}`);
    }
    return seen.slice(0, 8);
  },

  /* what makes the page wider than the window */
  widest() {
    const wide = [], most = document.documentElement.clientWidth;
    for (const element of document.querySelectorAll("body *")) {
      if (!element.checkVisibility() || element.closest(".visually-hidden, thead, .views")) continue;
      const box = element.getBoundingClientRect();
      if (box.right > most + 1) wide.push(`${element.tagName.toLowerCase()}.${[...element.classList].join(".")} to ${Math.round(box.right)}: ${element.textContent.trim().slice(0, 30)}`);
    }
    return wide.slice(-4);
  },

  /* every text that a person may read or hear */
  texts() {
    const texts = [document.title];
    const skip = "script, style, kbd, code, pre, [lang]:not(html), [translate=no], noscript, textarea, svg title, svg desc";
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (!node.parentElement.closest(skip) && node.data.trim()) texts.push(node.data.trim());
    }
    for (const name of ["aria-label", "title", "placeholder", "alt"]) {
      for (const element of document.querySelectorAll(`[${name}]`)) if (!element.closest(skip)) texts.push(element.getAttribute(name));
    }
    return texts;
  },

  /* what can be pressed but not reached by the keyboard */
  unreachable() {
    const wrong = [];
    for (const element of document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")) {
      // what Enter presses in a field; nobody sees it, and it does what the fields do by themselves
      if (element.matches("button.visually-hidden[data-enter]")) continue;
      if (element.disabled || !element.checkVisibility({ visibilityProperty: true })) continue;
      const what = element.outerHTML.slice(0, 80);
      if (element.tabIndex > 0) wrong.push(`order: ${what}`);
      else if (element.tabIndex < 0) wrong.push(`skipped: ${what}`);
      else {
        element.focus({ focusVisible: true, preventScroll: true });
        if (document.activeElement !== element) wrong.push(`no focus: ${what}`);
      }
    }
    document.activeElement?.blur();
    return wrong.slice(0, 8);
  },

  /* send the first form that asks for something, with nothing in it; say whether there is one */
  formToSend() {
    const asked = [...document.querySelectorAll("main form[method=post] :is(input, textarea, select)[required]")];
    return asked.find((one) => !["hidden", "radio", "checkbox"].includes(one.type))?.form;
  },
  canSendNothing() {
    return Boolean(this.formToSend());
  },
  sendNothing() {
    const form = this.formToSend();
    for (const one of form.querySelectorAll("input:not([type=hidden], [type=checkbox], [type=radio]), textarea")) one.value = "";
    form.noValidate = true;
    form.requestSubmit();
  },
})
