// The tab Compare: which pictures the two sides show, and where the line between them is. Both stay from row to row.
const chosen = { left: null, right: null };
let cut = null;  // per cent; null until the visitor moves it: the middle of the cut-out
const compared = () => element.querySelector('[data-compared]');

function showSide(side) {
  const select = element.querySelector(`[data-side="${side}"]`);
  if (chosen[side] && [...select.options].some((option) => option.value === chosen[side])) select.value = chosen[side];
  const option = select.selectedOptions[0], picture = element.querySelector(`[data-picture="${side}"]`);
  if (picture.getAttribute('src') !== option.dataset.address) picture.src = option.dataset.address;
  picture.alt = `${side}: ${option.textContent}`;
}

function showCut() {
  const input = element.querySelector('[data-cut]');
  if (cut !== null && Number(input.value) !== cut) input.value = cut;
  compared().style.setProperty('--cut', `${input.value}%`);
}

function started() {
  if (!compared()) return;
  showSide('left');
  showSide('right');
  showCut();
  window.fgbg?.describe();
}

element.addEventListener('input', (event) => {
  const data = event.target.dataset;
  if (data.side) {
    chosen[data.side] = event.target.value;
    showSide(data.side);
  } else if ('cut' in data) {
    cut = Number(event.target.value);
    showCut();
  }
});
watch('value', started);
started();
