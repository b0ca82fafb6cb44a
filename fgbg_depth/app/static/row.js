// The open row: pixel values and a crosshair on all images, the mask's opacity, the cut-out's box, the slider that compares
// composite and depth, and the enlarged image.
const row = () => element.querySelector('.fg-row');
let pixels = null;  // {depths: by column, mask: Uint8Array}
let settings = {};  // of the sliders and the check box, for the next row
let enlarged = '';  // the column whose image is enlarged

async function setup() {
  const root = row();
  pixels = null;
  if (!root) return;
  restoreControls(root);
  applyControls(root);
  if (enlarged) enlarge(enlarged);
  const size = root.dataset.width * root.dataset.height;
  const address = root.dataset.readings;
  let bytes;
  try {
    const response = await fetch(address);
    if (!response.ok) return;
    bytes = await response.arrayBuffer();
  } catch { return; }  // the visitor left the page
  if (row()?.dataset.readings !== address) return;  // another row was opened meanwhile
  const columns = root.dataset.columns?.split(' ') ?? [];
  pixels = {
    depths: Object.fromEntries(columns.map((name, i) => [name, new Uint16Array(bytes, 2 * size * i, size)])),
    mask: new Uint8Array(bytes, 2 * size * columns.length, size),
  };
}

function restoreControls(root) {
  for (const [name, value] of Object.entries(settings)) {
    const input = root.querySelector(`[data-${name}]`);
    if (input?.type === 'checkbox') input.checked = value;
    else if (input) input.value = value;
  }
}

function keepControls() {
  for (const name of ['overlay', 'compare', 'box']) {
    const input = row()?.querySelector(`[data-${name}]`);
    if (input) settings[name] = input.type === 'checkbox' ? input.checked : input.value;
  }
}

function applyControls(root) {
  for (const [name, style] of [['overlay', '--overlay'], ['compare', '--cut']]) {
    const input = root.querySelector(`[data-${name}]`);
    if (input) root.style.setProperty(style, `${input.value}%`);
  }
  root.classList.toggle('fg-boxed', Boolean(root.querySelector('[data-box]')?.checked));
}

function nearness(d, value) {  // as DepthKind.nearness in fgbg_depth/depth/kinds.py
  const scale = 'logarithmic' in d ? Math.log : Number;
  const [low, high] = [scale(d.low), scale(d.high)];
  const position = Math.min(1, Math.max(0, (scale(value) - low) / (high - low)));
  return 'largerIsNearer' in d ? position : 1 - position;
}

function read(x, y, panel = '') {  // of the depth map under the pointer, or else of the main one
  const root = row();
  if (!root || !pixels) return;
  const d = root.dataset;
  const [width, height] = [Number(d.width), Number(d.height)];
  const [i, j] = [Math.min(width - 1, Math.max(0, x)), Math.min(height - 1, Math.max(0, y))];
  const at = j * width + i;
  const parts = [['x', i], ['y', j]];
  let tag = '';
  const column = panel in pixels.depths ? panel : d.main;
  if (column) {
    const stored = pixels.depths[column][at];
    const value = Number(d.offset) + Number(d.stepSize) * stored;
    const text = stored === 0 ? 'invalid' : d.unit ? `${value.toFixed(2)} ${d.unit}` : value.toFixed(3);  // DepthKind.format_value
    const several = Object.keys(pixels.depths).length > 1;
    parts.push([several ? column : d.label, text], ['stored', stored]);
    tag = text;
    root.style.setProperty('--near', stored === 0 ? '-10%' : `${nearness(d, value) * 100}%`);
  }
  const mask = pixels.mask[at];
  parts.push(['mask', `${mask} (${mask >= 128 ? 'cut-out' : 'background'})`]);
  root.style.setProperty('--x', `${((i + 0.5) / width) * 100}%`);
  root.style.setProperty('--y', `${((j + 0.5) / height) * 100}%`);
  root.classList.add('fg-reading');
  root.reading = [i, j];
  root.classList.toggle('fg-left', i > width * 0.6);  // on which side of the pointer the value stands
  for (const label of root.querySelectorAll('[data-tag]')) label.textContent = tag || String(mask);
  const readout = root.querySelector('[data-readout]');
  readout.replaceChildren(...parts.map(([name, text]) => {
    const part = document.createElement('span');
    const label = document.createElement('small');
    label.textContent = name;
    part.append(label, ` ${text}`);
    return part;
  }));
}

const panelOf = (frame) => frame.closest('[data-lightbox]')?.dataset.name ?? frame.closest('[data-panel]')?.dataset.panel;

function point(event) {
  const frame = event.target.closest('[data-read]');
  if (!frame || !row()) return;
  const box = frame.getBoundingClientRect();
  const d = row().dataset;
  read(Math.floor(((event.clientX - box.left) / box.width) * d.width), Math.floor(((event.clientY - box.top) / box.height) * d.height), panelOf(frame));
}

function highlight(event) {  // the box of the cut-out whose line of the table is under the pointer
  const number = event.target.closest?.('[data-object]')?.dataset.object;
  row()?.classList.toggle('fg-pointed', number !== undefined);
  for (const box of row()?.querySelectorAll('[data-number]') ?? []) box.classList.toggle('fg-hot', box.dataset.number === number);
}

element.addEventListener('pointerover', highlight);
element.addEventListener('pointerleave', highlight);
element.addEventListener('pointermove', point);
element.addEventListener('pointerdown', point);
for (const name of ['input', 'change']) {
  element.addEventListener(name, () => {
    if (!row()) return;
    keepControls();
    applyControls(row());
  });
}

function enlarge(name) {  // the image alone, as large as the window allows; Escape closes it, the arrow keys change the row
  const dialog = row().querySelector('[data-lightbox]');
  const frame = row().querySelector(`.fg-panel[data-panel="${CSS.escape(name)}"] .fg-frame`);
  enlarged = frame ? name : '';
  if (!frame) return;
  const copy = frame.cloneNode(true);
  copy.removeAttribute('tabindex');
  dialog.firstElementChild.replaceChildren(copy);
  dialog.dataset.name = name;
  if (!dialog.open) dialog.showModal();
  dialog.onclose = () => {
    if (!dialog.isConnected) return;  // another row took its place
    enlarged = '';
    row().querySelector(`.fg-panel[data-panel="${CSS.escape(name)}"] [data-grow]`)?.focus({ preventScroll: true });
  };
}

element.addEventListener('click', (event) => {
  const grow = event.target.closest('[data-grow]');
  const dialog = event.target.closest('[data-lightbox]');
  if (grow) enlarge(grow.closest('.fg-panel').dataset.panel);
  else if (dialog && (event.target === dialog || event.target.closest('[data-close]'))) dialog.close();
});
element.addEventListener('keydown', (event) => {
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (!step || !event.target.matches('[data-read]') || event.target.closest('dialog')) return;
  event.preventDefault();
  const [x, y] = row().reading ?? [row().dataset.width / 2 | 0, row().dataset.height / 2 | 0];
  read(x + step[0], y + step[1], panelOf(event.target));
});
watch('value', setup);
setup();
