// Copies the code above which a button stands.
element.addEventListener('click', (event) => {
  const button = event.target.closest('[data-copy]');
  if (button) copy(button);
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
