// Before the first paint, so that the page does not flash in the other theme.
try {
  var theme = localStorage.getItem('theme')
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
} catch {
  /* storage may be forbidden: the system's theme stands */
}
