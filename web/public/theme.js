// Before the first paint: what was chosen by the button stands above what the system says.
try {
  const theme = localStorage.getItem("podometer-theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
} catch {
  // Without storage the system's word counts.
}
