// One key for a marked element: data-shortcut="/" puts the focus there, or follows it when it is a link.
// Keys are ignored while someone types. They can be turned off by data-shortcuts="off" on the body (WCAG 2.1.4).
export function listenForShortcuts(page) {
  if (page.body.dataset.shortcuts === "off") return;
  page.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, [contenteditable]")) return;
    const target = page.querySelector(`[data-shortcut="${CSS.escape(event.key)}"]`);
    if (!target) return;
    event.preventDefault();
    if (target.matches("a")) target.click();
    else target.focus();
  });
}
