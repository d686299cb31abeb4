// Before the first paint, and not a module for that reason: the theme a person chose, if they did.
(() => {
  const theme = localStorage.getItem('countersign.theme');
  if (theme === 'light' || theme === 'dark') {
    document.documentElement.dataset.theme = theme;
  }
})();
