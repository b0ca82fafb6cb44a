// Clicks on server-made HTML become events of the component: open a row, show the rows of a source. Also copies text.
element.addEventListener('click', (event) => {
  const find = (name) => event.target.closest(`[data-${name}]`);
  if (find('open')) trigger('open', { address: find('open').dataset.open });
  else if (find('pick')) trigger('pick', { kind: find('pick').dataset.pick, name: find('pick').dataset.name });
  else if (find('copy')) copy(find('copy'));
});

async function copy(button) {
  const code = button.closest('.fg-code').querySelector('pre');
  try {
    await navigator.clipboard.writeText(code.textContent);
  } catch {  // no permission, or the page is not served by https: execCommand needs neither
    const range = document.createRange();
    range.selectNodeContents(code);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    document.execCommand('copy');
  }
  button.textContent = 'Copied';
  setTimeout(() => { button.textContent = 'Copy'; }, 1500);
}
