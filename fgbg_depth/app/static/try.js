// The tab Try it. While the cut-out is dragged, the browser shows it over the bare background; the server's composite,
// matte and depth follow. At most one call runs at a time: what changes meanwhile is sent when the answer is there.
const key = Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('');
let box = null;  // {x, y, width, height, flip} in pixels of the composite
let aspect = 1;  // width / height
let busy = false, changed = false, dragging = null, sources = 0;

const root = () => element.querySelector('[data-try]');
const find = (name) => element.querySelector(`[data-${name}]`);
const image = (name) => find(`image="${name}"`);
const size = () => Number(root().dataset.size);

function say(text) { find('message').textContent = text; }

function show(name, address) {
  const picture = image(name), hint = find(`hint="${name}"`);
  if (!picture) return;
  picture.hidden = !address;
  if (address) picture.src = address; else picture.removeAttribute('src');
  if (hint) hint.hidden = Boolean(address);
}

function offer(name, address, file) {
  const link = find(`download="${name}"`);
  if (!link) return;
  link.hidden = !address;
  if (address) { link.href = address; link.download = file; } else link.removeAttribute('href');
}

function draw(moving) {
  const ghost = find('ghost'), percent = (value) => `${100 * value / size()}%`;
  ghost.hidden = !box;
  if (!box) return;
  Object.assign(ghost.style, { left: percent(box.x), top: percent(box.y), width: percent(box.width), height: percent(box.height) });
  image('cutout').style.transform = box.flip ? 'scaleX(-1)' : '';
  root().classList.toggle('fg-moving', moving);
  find('height').value = box.height;
  find('flip').checked = box.flip;
  find('where').textContent = `${box.width} × ${box.height} px at ${box.x}, ${box.y}`;
}

function clamp() {
  const side = size();
  const tallest = Math.floor(Math.min(2 * side, 2 * side / aspect));
  box.height = Math.max(Math.min(Math.ceil(4 / Math.min(1, aspect)), tallest), Math.min(tallest, Math.round(box.height)));
  box.width = Math.max(1, Math.round(box.height * aspect));
  // a quarter of the cut-out, but at least a pixel, stays inside
  const keep = (position, length) => {
    const inside = Math.max(1, Math.round(Math.min(length, side) / 4));
    return Math.max(inside - length, Math.min(side - inside, Math.round(position)));
  };
  box.x = keep(box.x, box.width);
  box.y = keep(box.y, box.height);
}

function change(values) {
  if (!box) return;
  Object.assign(box, values);
  clamp();
  draw(true);
  update();
}

function resize(height) {  // the foot stays where it is
  const [middle, bottom] = [box.x + box.width / 2, box.y + box.height];
  box.height = height;
  clamp();
  change({ x: middle - box.width / 2, y: bottom - box.height });
}

async function call(name, values) {
  try {
    const answer = await server[name]({ key, ...values });
    if (answer?.error) say(answer.error);
    return answer?.error ? null : answer;
  } catch {
    say('The server did not answer. Check the connection, then try again.');
    return null;
  }
}

async function update(predict = false) {
  root()?.removeAttribute('data-ready');
  if (busy) { changed = true; return; }
  if (!box || sources < 2) return;
  busy = true;
  changed = false;
  const final = predict || !dragging;
  const answer = await call(predict ? 'try_predict' : 'try_place', { ...box, final });
  busy = false;
  if (answer && !changed) {
    say('');
    show('composite', answer.image);
    show('mask', answer.mask);
    show('placed', answer.placed);
    show('predicted', answer.predicted);
    for (const [name, address, file] of [
      ['image', answer.image, `fg_bg.${root().dataset.extension}`], ['mask', answer.mask, 'fg_bg_mask.png'],
      ['placed', answer.placed_file, 'fg_bg_depth_placed.png'], ['predicted', answer.predicted_file, 'fg_bg_depth.png'],
    ]) offer(name, final ? address : null, file);
    if (!dragging) { await image('composite').decode().catch(() => {}); if (!changed && !dragging) draw(false); }
  } else if (answer) {  // an older place: only the small pictures follow
    show('mask', answer.mask);
    show('placed', answer.placed);
  } else {
    for (const name of ['image', 'mask', 'placed', 'predicted']) offer(name, null);
  }
  root()?.toggleAttribute('data-ready', !changed && !dragging);
  if (changed) update();
}

async function choose(kind, values) {
  root().removeAttribute('data-ready');
  const answer = await call('try_source', { kind, ...values });
  if (!answer) return false;
  say('');
  show(kind === 'bg' ? 'background' : 'cutout', answer.image);
  if (kind === 'fg') {
    box = { ...answer.placement, flip: box?.flip ?? false };
    aspect = box.width / box.height;
    find('height').max = Math.floor(Math.min(2 * size(), 2 * size() / aspect));
  }
  draw(true);
  update();
  return true;
}

async function upload(kind, file) {
  const limit = Number(root().dataset.maxBytes);
  if (file.size > limit) {
    say(`${file.name} has ${(file.size / 1e6).toFixed(1)} MB; at most ${limit / 1e6} MB are allowed. Choose a smaller file.`);
    return;
  }
  say(`Reading ${file.name} …`);
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = '';
  for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  if (await choose(kind, { file: file.name, base64: btoa(text) })) {
    const own = find(`source="${kind}"`).querySelector('[data-own]');
    own.textContent = file.name;
    own.hidden = false;
    own.selected = true;
  }
}

element.addEventListener('change', async (event) => {
  const data = event.target.dataset;
  if (data.file) {
    if (event.target.files[0]) await upload(data.file, event.target.files[0]);
    event.target.value = '';
  } else if (data.source && event.target.value) choose(data.source, { name: event.target.value });
  else if ('flip' in data) change({ flip: event.target.checked });
});
element.addEventListener('input', (event) => { if ('height' in event.target.dataset) resize(Number(event.target.value)); });
element.addEventListener('click', async (event) => {
  const button = event.target.closest('[data-predict]');
  if (!button) return;
  button.disabled = true;
  say('Predicting … The first time, the model is loaded.');
  while (busy) await new Promise((done) => setTimeout(done, 30));
  await update(true);
  button.disabled = false;
});

// dragging: with the pointer anywhere on the stage; at the corner it resizes
element.addEventListener('pointerdown', (event) => {
  const stage = event.target.closest('[data-stage]');
  if (!stage || !box || event.button) return;
  event.preventDefault();
  stage.focus({ preventScroll: true });
  stage.setPointerCapture(event.pointerId);
  const scale = size() / stage.clientWidth;
  dragging = { x: event.clientX, y: event.clientY, scale, from: { ...box }, resizes: 'handle' in event.target.dataset };
});
element.addEventListener('pointermove', (event) => {
  if (!dragging) return;
  const [dx, dy] = [(event.clientX - dragging.x) * dragging.scale, (event.clientY - dragging.y) * dragging.scale];
  const from = dragging.from;
  if (dragging.resizes) change({ height: from.height + Math.max(dy, dx / aspect) });
  else change({ x: from.x + dx, y: from.y + dy });
});
for (const name of ['pointerup', 'pointercancel']) {
  element.addEventListener(name, () => { if (dragging) { dragging = null; update(); } });
}
element.addEventListener('keydown', (event) => {
  if (!event.target.closest('[data-stage]') || !box || event.ctrlKey || event.metaKey || event.altKey) return;
  const step = event.shiftKey ? 10 : 1;
  const moves = { ArrowLeft: { x: box.x - step }, ArrowRight: { x: box.x + step }, ArrowUp: { y: box.y - step }, ArrowDown: { y: box.y + step } };
  if (moves[event.key]) change(moves[event.key]);
  else if (event.key === '+' || event.key === '=') resize(box.height + step);
  else if (event.key === '-' || event.key === '_') resize(box.height - step);
  else if (event.key === 'm' || event.key === 'M') change({ flip: !box.flip });
  else return;
  event.preventDefault();
});

// files dropped on the stage: a PNG or WebP is taken as a cut-out, any other picture as a background
element.addEventListener('dragover', (event) => event.preventDefault());
element.addEventListener('drop', (event) => {
  event.preventDefault();
  const file = event.dataTransfer.files[0];
  const target = event.target.closest('[data-drop]')?.dataset.drop;
  if (file) upload(target ?? (/png|webp|avif/.test(file.type) ? 'fg' : 'bg'), file);
});
window.addEventListener('pagehide', () => { server.try_leave({ key }); });

async function setup() {
  if (!root() || root().dataset.started) return;
  root().dataset.started = 'yes';
  box = null;
  sources = 0;
  for (const kind of ['bg', 'fg']) {
    const select = find(`source="${kind}"`);
    if (await choose(kind, { name: select.value })) sources += 1;
  }
  update();
}
watch('value', setup);
setup();
