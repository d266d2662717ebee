// The word behind the # is sent in the body of a request, never in an address, and wiped from the history.
"use strict";
const told = document.getElementById("told");

async function enter(word) {
  const response = await fetch("/api/enter", { method: "POST", body: word });
  if (response.ok) {
    location.replace("/");
  } else {
    told.textContent = `Not let in: ${await response.text()}. Ask for a new link with "improv link".`;
  }
}

document.getElementById("form").addEventListener("submit", (event) => {
  event.preventDefault();
  enter(document.getElementById("word").value.trim());
});

const oneTimeToken = location.hash.slice(1);
if (oneTimeToken) {
  history.replaceState(null, "", "/enter");
  enter(oneTimeToken);
}
