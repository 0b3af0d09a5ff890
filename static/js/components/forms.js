// Forms: focus on what needs putting right, one submission per press, a warning before typed words are lost.
export function focusSummary(page) {
  page.querySelector("[data-focus]")?.focus();
}

// A second press of the same button would send the form twice; the first press stays the only one for ten seconds.
export function guardSubmit(page) {
  page.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "yes";
    const button = event.submitter;
    const words = button?.dataset.busy && button.lastChild;
    const before = words?.textContent;
    button?.setAttribute("aria-disabled", "true");
    if (words) words.textContent = button.dataset.busy;
    window.setTimeout(() => {
      delete form.dataset.sent;
      button?.removeAttribute("aria-disabled");
      if (words) words.textContent = before;
    }, 10_000);
  });
  // Coming back with the back button shows the page as it was left: make its forms usable again.
  window.addEventListener("pageshow", () => {
    for (const form of page.forms) delete form.dataset.sent;
    for (const button of page.querySelectorAll("button[aria-disabled]")) button.removeAttribute("aria-disabled");
  });
}

export function guardUnsaved(page) {
  const touched = new Set();
  page.addEventListener("input", (event) => {
    const form = event.target.closest?.("form[data-guard]");
    if (form) touched.add(form);
  });
  page.addEventListener("submit", (event) => touched.delete(event.target));
  window.addEventListener("beforeunload", (event) => {
    if ([...touched].some((form) => form.isConnected)) event.preventDefault();
  });
}

// Says how many letters are left in a box with data-limit; nothing is cut off, the server has the last word.
export function countLetters(page) {
  for (const box of page.querySelectorAll("textarea[data-limit]")) {
    const limit = Number(box.dataset.limit);
    const words = page.createElement("p");
    words.className = "counter";
    words.setAttribute("role", "status");
    const tell = () => {
      const left = limit - box.value.length;
      const isClose = left < limit / 5;
      words.textContent = !isClose ? "" : left < 0 ? `${-left} characters too many` : `${left} characters left`;
      words.classList.toggle("is-over", left < 0);
    };
    box.addEventListener("input", tell);
    box.after(words);
    tell();
  }
}
