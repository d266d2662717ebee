// A worker that ticks: a page that nobody looks at has timers of a second only.
setInterval(() => postMessage(0), 8);
