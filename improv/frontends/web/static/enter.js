// The word behind the # is sent in the body of a request, never in an address, and wiped from the history.
"use strict";
const told = document.getElementById("told"), form = document.getElementById("form");
const button = form.querySelector("button");

async function enter(word) {
  told.textContent = told.dataset.wait;
  button.disabled = true;
  try {
    const response = await fetch("enter", { method: "POST", body: word });
    if (response.ok) return location.replace("./");
    told.textContent = response.status === 429 ? told.dataset.tooMany : told.dataset.refused;
  } catch {
    told.textContent = told.dataset.lost;
  }
  button.disabled = false;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const word = document.getElementById("word").value.trim();
  enter(word.slice(word.lastIndexOf("#") + 1));
});

function enterByLink() {
  const oneTimeToken = location.hash.slice(1);
  if (!oneTimeToken) return;
  history.replaceState(null, "", location.pathname);
  enter(oneTimeToken);
}

addEventListener("hashchange", enterByLink); // the link was opened where this page stood
enterByLink();
