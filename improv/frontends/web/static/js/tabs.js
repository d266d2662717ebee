// Tabs as the WAI-ARIA practices describe them: arrow keys move, the chosen one shows at once.

/** shown(id): a panel was opened. */
export function tabs(list, shown) {
  const all = [...list.querySelectorAll("[role=tab]")];
  const choose = (tab, focus) => {
    for (const one of all) {
      const chosen = one === tab;
      one.setAttribute("aria-selected", chosen);
      one.tabIndex = chosen ? 0 : -1;
      document.getElementById(one.getAttribute("aria-controls")).hidden = !chosen;
    }
    if (focus) tab.focus();
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
}
