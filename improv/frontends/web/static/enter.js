// The word behind the # is sent in the body of a request, never in an address, and wiped from the history.
"use strict";
const told = document.getElementById("told"), form = document.getElementById("form");
const button = form.querySelector("button");

async function enter(word) {
  told.textContent = "One moment …";
  button.disabled = true;
  try {
    const response = await fetch("/api/enter", { method: "POST", body: word });
    if (response.ok) return location.replace("/");
    told.textContent = `Not let in: ${await response.text()}. Have a new code shown.`;
  } catch {
    told.textContent = "BrainMusic cannot be reached. Is this device in the same network?";
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
  history.replaceState(null, "", "/enter");
  enter(oneTimeToken);
}

addEventListener("hashchange", enterByLink); // the link was opened where this page stood
enterByLink();
