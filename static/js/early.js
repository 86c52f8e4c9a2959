// Runs before the first paint: the chosen theme, and a class that tells the style sheets JavaScript is on.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  } catch {
    // Storage is switched off: the system's theme stays.
  }
})();
