// Tabs as the WAI-ARIA practices describe them: arrow keys move, the chosen one shows at once.

const KEPT = "brainmusic-tab";

/** shown(id): a panel was opened. The tab that was open last in this browser opens again. */
export function tabs(list, shown) {
  const visiting = document.documentElement.dataset.role === "visitor";
  const all = [...list.querySelectorAll("[role=tab]")].filter((tab) => !(visiting && tab.classList.contains("for-curators")));
  const choose = (tab, focus) => {
    for (const one of all) {
      const chosen = one === tab;
      one.setAttribute("aria-selected", chosen);
      one.tabIndex = chosen ? 0 : -1;
      document.getElementById(one.getAttribute("aria-controls")).hidden = !chosen;
    }
    if (focus) tab.focus();
    try { localStorage.setItem(KEPT, tab.id); } catch { /* a browser that keeps nothing */ }
    shown(tab.getAttribute("aria-controls"));
  };
  list.addEventListener("click", (event) => {
    const tab = event.target.closest("[role=tab]");
    if (tab) choose(tab, false);
  });
  list.addEventListener("keydown", (event) => {
    const here = all.indexOf(event.target), last = all.length - 1;
    const goal = { ArrowRight: here === last ? 0 : here + 1, ArrowLeft: here ? here - 1 : last, Home: 0, End: last }[event.key];
    if (here < 0 || goal === undefined) return;
    event.preventDefault();
    choose(all[goal], true);
  });
  let kept = null;
  try { kept = localStorage.getItem(KEPT); } catch { /* likewise */ }
  const before = all.find(({ id }) => id === kept);
  if (before) choose(before, false);
}
