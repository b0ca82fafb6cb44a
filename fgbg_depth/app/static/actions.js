// Clicks in server-made HTML become events of the component: open a row, pick a source, copy a text.
element.addEventListener('click', (event) => {
  const at = (name) => event.target.closest(`[data-${name}]`);
  if (at('open')) trigger('open', { address: at('open').dataset.open });
  else if (at('pick')) trigger('pick', { kind: at('pick').dataset.pick, name: at('pick').dataset.name });
  else if (at('copy')) copy(at('copy'));
});

async function copy(button) {
  const code = button.closest('.fg-code').querySelector('pre');
  try {
    await navigator.clipboard.writeText(code.textContent);
  } catch {  // no permission, or not a secure page: the old way needs neither
    const range = document.createRange();
    range.selectNodeContents(code);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    document.execCommand('copy');
  }
  button.textContent = 'Copied';
  setTimeout(() => { button.textContent = 'Copy'; }, 1500);
}
