// The open row: pixel values and a crosshair on all images, the mask's opacity, the cut-out's box, the slider that compares
// composite and depth. Needs inflate.js.
const row = () => element.querySelector('.fg-row');
let pixels = null;  // {depth: Uint16Array or null, mask: Uint8Array}

async function setup() {
  const root = row();
  pixels = null;
  if (!root) return;
  applyControls(root);
  root.classList.remove('fg-reading');
  const size = root.dataset.width * root.dataset.height;
  const address = root.dataset.row;
  const bytes = new Uint8Array(await inflate(root.dataset.readings));
  if (row()?.dataset.row !== address) return;  // another row was opened meanwhile
  const hasDepth = bytes.length === 3 * size;
  pixels = {
    depth: hasDepth ? new Uint16Array(bytes.buffer, 0, size) : null,
    mask: new Uint8Array(bytes.buffer, hasDepth ? 2 * size : 0, size),
  };
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

function read(x, y) {
  const root = row();
  if (!root || !pixels) return;
  const d = root.dataset;
  const [width, height] = [Number(d.width), Number(d.height)];
  const [i, j] = [Math.min(width - 1, Math.max(0, x)), Math.min(height - 1, Math.max(0, y))];
  const at = j * width + i;
  const parts = [['x', i], ['y', j]];
  if (pixels.depth) {
    const stored = pixels.depth[at];
    const value = Number(d.offset) + Number(d.step) * stored;
    const text = stored === 0 ? 'invalid' : d.unit ? `${value.toFixed(2)} ${d.unit}` : value.toFixed(3);  // DepthKind.format_value
    parts.push([d.label, text], ['stored', stored]);
    root.style.setProperty('--near', stored === 0 ? '-10%' : `${nearness(d, value) * 100}%`);
  }
  const mask = pixels.mask[at];
  parts.push(['mask', `${mask} (${mask >= 128 ? 'cut-out' : 'background'})`]);
  root.style.setProperty('--x', `${((i + 0.5) / width) * 100}%`);
  root.style.setProperty('--y', `${((j + 0.5) / height) * 100}%`);
  root.classList.add('fg-reading');
  root.reading = [i, j];
  const readout = root.querySelector('[data-readout]');
  readout.replaceChildren(...parts.map(([name, text]) => {
    const part = document.createElement('span');
    const label = document.createElement('small');
    label.textContent = name;
    part.append(label, ` ${text}`);
    return part;
  }));
}

function point(event) {
  const frame = event.target.closest('[data-read]');
  if (!frame || !row()) return;
  const box = frame.getBoundingClientRect();
  const d = row().dataset;
  read(Math.floor(((event.clientX - box.left) / box.width) * d.width), Math.floor(((event.clientY - box.top) / box.height) * d.height));
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
element.addEventListener('input', () => row() && applyControls(row()));
element.addEventListener('change', () => row() && applyControls(row()));
element.addEventListener('click', (event) => {
  const grow = event.target.closest('[data-grow]');
  if (grow) grow.closest('.fg-panel').classList.toggle('fg-large');
});
element.addEventListener('keydown', (event) => {
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (!step || !event.target.matches('[data-read]')) return;
  event.preventDefault();
  const [x, y] = row().reading ?? [row().dataset.width / 2 | 0, row().dataset.height / 2 | 0];
  read(x + step[0], y + step[1]);
});
watch('value', setup);
setup();
