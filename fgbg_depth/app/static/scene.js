// The 3-D tab: one row as its background with the cut-outs as layers in it, beside its picture and its depth map. Needs
// scene_camera.js, scene_data.js, scene_draw.js, scene_marks.js.
const SURFACE = 65535;  // number of the single surface; 0 is the background, 1, 2, ... are the cut-outs
const LAYER_NEARER = 0.06;  // a layer is drawn over a background that is up to so much nearer: labels are not exact
const SWAY_S = 9;
const DIFFERENCE = 'difference';
const still = matchMedia('(prefers-reduced-motion: reduce)');
const state = {
  scene: null, meshes: [], mode: null, torn: false, before: null, cross: null, points: [], swaying: true, held: false,
  phase: 0, camera: { ...START, pan: [0, 0], fov: 60, pivot: 1 }, canvas: null, renderer: null, loading: null,
};
const root = () => element.querySelector('.fg3');
const part = (name) => element.querySelector(`[data-${name}]`);
const hasLayers = () => state.scene.background !== null;
const labelName = () => (state.mode === DIFFERENCE ? 'placed' : state.mode);

async function setup() {
  const page = root();
  if (!page) return;
  placeCanvas();
  part('fov').value = state.camera.fov;
  showFov();
  const path = page.dataset.file;
  if (state.scene?.path !== path) {
    state.loading?.abort();
    const loading = state.loading = new AbortController();
    try {
      const scene = await fetchScene(path, loading.signal);
      if (state.loading !== loading) return;  // another row was opened meanwhile
      open(scene, path);
    } catch (error) {
      if (error.name !== 'AbortError') part('note').textContent = `This row cannot be shown in 3-D: ${error.message}`;
      return;
    }
  }
  makeControls();
  showPicture();
  rebuild();
  page.dataset.drawn = page.dataset.row;
}

function placeCanvas() {
  if (!state.canvas) {
    state.canvas = document.createElement('canvas');
    state.canvas.tabIndex = 0;
    state.renderer = makeRenderer(state.canvas);
    new ResizeObserver(() => { draw(); drawMarks(); sway(); }).observe(state.canvas);
  }
  state.canvas.setAttribute('aria-label', 'The row in 3-D: arrow keys turn it, + and - zoom, Home shows it as the picture does, 0 resets the view');
  part('missing').hidden = Boolean(state.renderer);
  part('stage').classList.toggle('fg3-none', !state.renderer);
  if (state.renderer) part('stage').prepend(state.canvas);
}

function open(scene, path) {
  const names = Object.keys(scene.labels);
  const modes = scene.background !== null && names.length > 1 && scene.layers.length ? [...names, DIFFERENCE] : names;
  Object.assign(state, { scene: { ...scene, path, modes }, cross: null, points: [] });
  if (!modes.includes(state.mode)) state.mode = modes[0];
  if (!hasLayers()) state.torn = false;
  reset();
}

function makeControls() {
  const { scene } = state;
  const titles = { placed: 'Placed', predicted: 'Predicted', [DIFFERENCE]: 'Difference' };
  part('modes').replaceChildren(...scene.modes.map((mode) => {
    const label = document.createElement('label');
    const input = Object.assign(document.createElement('input'), { type: 'radio', name: 'fg3-mode', value: mode, checked: mode === state.mode });
    label.append(input, titles[mode] ?? mode);
    return label;
  }));
  part('modes').hidden = scene.modes.length < 2;
  part('surface-control').hidden = !hasLayers();
  part('surface').checked = state.torn;
  const text = (value) => valueText(scene.depth, value).replace('-', '−');
  if (scene.differenceLimit !== null) {
    part('nearer').textContent = `placed nearer, ${text(scene.differenceLimit)}`;
    part('farther').textContent = `placed farther, ${text(scene.differenceLimit)}`;
  }
}

function showPicture() {
  const canvas = element.querySelector('[data-view=picture] canvas');
  Object.assign(canvas, { width: state.scene.width, height: state.scene.height });
  canvas.getContext('2d').drawImage(state.scene.picture, 0, 0);
}

function rebuild() {  // what is drawn, after another row, label or shape was chosen
  const { scene, mode } = state;
  const label = labelName();
  const surface = () => ({ ...scene.frame, image: scene.picture, distances: distancesOf(scene.depth, scene.labels[label]), torn: true, number: SURFACE });
  if (state.torn || !hasLayers()) state.meshes = [surface()];
  else {
    const background = { ...scene.background, distances: distancesOf(scene.depth, scene.background.depth), number: 0, faded: mode === DIFFERENCE };
    const layers = scene.layers.map((layer, i) => ({
      ...layer, distances: distancesOf(scene.depth, layer.depths[label]), nearer: LAYER_NEARER, image: mode === DIFFERENCE ? differenceImage(scene, i) : layer.image,
    }));
    state.meshes = [background, ...layers.sort((one, other) => median(other.distances) - median(one.distances))];
  }
  state.renderer?.show(state.meshes);
  const canvas = element.querySelector('[data-view=depth] canvas');
  Object.assign(canvas, { width: scene.width, height: scene.height });
  canvas.getContext('2d').putImageData(depthPixels(scene, mode), 0, 0);
  const shown = scene.header.find(({ name }) => name === mode);
  element.querySelector('[data-title=depth]').textContent = shown ? `${scene.depth.title}, ${mode}` : `${scene.depth.label}, placed minus predicted`;
  part('note').textContent = scene.note ?? (shown ? `${mode[0].toUpperCase()}${mode.slice(1)}: ${shown.words}.` : 'The colours say by how much the placed label differs from the predicted one.');
  part('legend').hidden = mode !== DIFFERENCE;
  root().dataset.mode = state.torn ? 'torn' : mode;
  draw();
  showReading();
}

function median(values) {
  return Float32Array.from(values).sort()[values.length >> 1];
}

function reset() {
  const { scene, camera } = state;
  const first = Object.keys(scene.labels)[0];
  const middles = scene.layers.map((layer) => median(distancesOf(scene.depth, layer.depths[first])));
  const pivot = middles.length ? Math.min(...middles) : median(distancesOf(scene.depth, scene.labels[first]));
  Object.assign(camera, still.matches ? REST : START, { pan: [0, 0], pivot });
  Object.assign(state, { swaying: !still.matches, phase: 0 });
  sway();
}

let drawing = 0, last = 0;
function sway() {  // until somebody touches the view; it holds while the pointer reads a value
  if (drawing || !state.swaying || !state.renderer || !state.canvas.clientWidth) return;
  last = performance.now();
  drawing = requestAnimationFrame(function next(now) {
    drawing = 0;
    if (!state.swaying || !state.canvas.clientWidth || !state.scene) return;
    if (!state.held && now - last >= 30) {
      state.phase += Math.min(now - last, 100) / 1000 / SWAY_S;
      last = now;
      state.camera.yaw = 0.2 * Math.sin(2 * Math.PI * state.phase);
      state.camera.pitch = 0.05 * (1 - Math.cos(2 * Math.PI * state.phase));
      draw();
    } else if (state.held) last = now;
    drawing = requestAnimationFrame(next);
  });
}

function touched(change) {
  state.swaying = false;
  change(state.camera);
  draw();
}

let lens = null;
function draw() {
  if (!state.scene || !root()) return;
  if (state.renderer) lens = state.renderer.draw(state.scene.frame, state.camera) ?? lens;
  drawMarks();
}

function drawMarks() {
  const { scene, canvas, cross, points } = state;
  if (!scene || !root()) return;
  for (const svg of element.querySelectorAll('.fg3-flat svg')) drawFlatMarks(svg, scene.frame, cross, points);
  if (!lens || !canvas.clientWidth) return;
  const place = (point) => point && projected(lens, positionAt(point), canvas.clientWidth, canvas.clientHeight);
  drawStageMarks(part('overlay'), canvas.clientWidth, canvas.clientHeight, place(cross), points.map(place));
}

// Points. A point is {x, y, number}: a pixel of the frame, and the mesh on which it lies.
function positionAt({ x, y, number }) {
  const mesh = state.meshes.find((one) => one.number === number) ?? state.meshes[0];
  const distance = mesh.distances[clamp(y - mesh.y, 0, mesh.height - 1) * mesh.width + clamp(x - mesh.x, 0, mesh.width - 1)];
  return positionOf(state.camera, state.scene.frame, x, y, distance);
}

function onPicture(x, y) {
  const { scene } = state;
  const [i, j] = [clamp(x, 0, scene.width - 1), clamp(y, 0, scene.height - 1)];
  return { x: i, y: j, number: layerAt(scene, i, j) };
}

function setCross(point) {
  state.cross = point;
  showReading();
}

function mark(point) {
  if (!point) return;  // Enter before anything was pointed at
  state.points = state.points.length === 2 ? [point] : [...state.points, point];
  setCross(point);
}

function clear() {
  state.points = [];
  showReading();
}

function showReading() {
  const { scene, cross, points } = state;
  part('clear').hidden = !points.length;
  if (cross) {
    const at = cross.y * scene.width + cross.x;
    const text = (stored) => (stored ? valueText(scene.depth, valueOf(scene.depth, stored)) : 'no depth');
    const parts = [['x', cross.x], ['y', cross.y], ...Object.entries(scene.labels).map(([name, stored]) => [name, text(stored[at])])];
    if (state.mode === DIFFERENCE && scene.labels.placed[at] && scene.labels.predicted[at]) {
      parts.push(['difference', valueText(scene.depth, (scene.labels.placed[at] - scene.labels.predicted[at]) * scene.depth.step).replace('-', '−')]);
    }
    if (hasLayers()) {
      parts.push(['background alone', text(scene.background.depth[at])]);
      const layer = scene.layers.find(({ number }) => number === cross.number);
      parts.push(['on', cross.number === SURFACE ? 'the surface' : layer ? layer.fg : 'the background']);
    }
    part('reading').replaceChildren(...parts.map(([name, value]) => {
      const found = document.createElement('span');
      found.dataset.name = name;
      found.append(Object.assign(document.createElement('small'), { textContent: name }), ` ${value}`);
      return found;
    }));
  }
  part('distance').textContent = distanceText();
  drawMarks();
}

function distanceText() {
  const { scene, points, camera } = state;
  if (points.length < 2) return points.length ? 'Click a second point to measure the distance from A.' : 'Click two points to measure the distance between them.';
  if (!scene.depth.unit) return `The ${scene.depth.label} has no unit, so the distance from A to B is not known.`;
  const [a, b] = points.map(positionAt);
  const text = valueText(scene.depth, Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]));
  return `A to B: ${text} by the ${labelName()} depth, with a field of view of ${camera.fov}°.`;
}

function showFov() {
  part('fov-text').textContent = `${state.camera.fov}°`;
  part('save').href = `${window.gradio_config?.root ?? ''}/${root().dataset.glb}?fov=${state.camera.fov}`;
}

// Events of the 3-D view: one pointer turns it, two pointers move and zoom.
const pointers = new Map();  // of those that are down: where each is
let pressed = null;  // where the only pointer went down, until it moves
const isCanvas = (event) => state.canvas !== null && event.target === state.canvas;
const spread = () => { const [a, b] = [...pointers.values()]; return Math.hypot(a[0] - b[0], a[1] - b[1]); };

async function picked(event, use) {
  const box = state.canvas.getBoundingClientRect();
  const scene = state.scene;
  const found = scene && await state.renderer.pick(scene.frame, state.camera, event.clientX - box.left, event.clientY - box.top);
  if (found && scene === state.scene) use(found);
}

function flatPoint(event) {
  const view = event.target.closest?.('[data-view]');
  if (!view || !state.scene) return null;
  const box = view.querySelector('canvas').getBoundingClientRect();
  const { width, height } = state.scene;
  return onPicture(Math.floor(((event.clientX - box.left) / box.width) * width), Math.floor(((event.clientY - box.top) / box.height) * height));
}

element.addEventListener('pointerdown', (event) => {
  if (!isCanvas(event)) return;
  state.canvas.setPointerCapture(event.pointerId);
  pointers.set(event.pointerId, [event.clientX, event.clientY]);
  pressed = pointers.size === 1 ? [event.clientX, event.clientY] : null;
});
element.addEventListener('pointermove', (event) => {
  const flat = flatPoint(event);
  if (flat) setCross(flat);
  if (!isCanvas(event)) return;
  const before = pointers.get(event.pointerId);
  if (!before) {
    picked(event, setCross);
    return;
  }
  if (pressed && Math.hypot(event.clientX - pressed[0], event.clientY - pressed[1]) < 5) return;
  pressed = null;
  const distance = pointers.size === 2 ? spread() : 0;
  pointers.set(event.pointerId, [event.clientX, event.clientY]);
  const [dx, dy] = [event.clientX - before[0], event.clientY - before[1]];
  touched((camera) => {
    if (pointers.size === 2 || event.shiftKey || event.buttons === 2) {
      camera.pan = [camera.pan[0] + dx / pointers.size, camera.pan[1] - dy / pointers.size];
      if (distance) camera.zoom = clamp((camera.zoom * distance) / spread(), 0.05, 8);
    } else turn(dx * 0.006, dy * 0.006);
  });
});
element.addEventListener('pointerup', (event) => {
  if (isCanvas(event) && pressed && event.button === 0) picked(event, mark);
});
for (const end of ['pointerup', 'pointercancel']) element.addEventListener(end, (event) => { pointers.delete(event.pointerId); pressed = null; });
element.addEventListener('pointerover', (event) => { state.held = Boolean(event.target.closest?.('.fg3-stage, .fg3-side')); });
element.addEventListener('pointerleave', () => { state.held = false; });
element.addEventListener('contextmenu', (event) => isCanvas(event) && event.preventDefault());
element.addEventListener('wheel', (event) => {
  if (!isCanvas(event)) return;
  event.preventDefault();
  touched((camera) => { camera.zoom = clamp(camera.zoom * Math.exp(event.deltaY * 0.001), 0.05, 8); });
}, { passive: false });
element.addEventListener('click', (event) => {
  const flat = flatPoint(event);
  if (flat) mark(flat);
  else if (event.target.closest('[data-clear]')) clear();
  else if (event.target.closest('[data-reset]') && state.scene) { reset(); draw(); }
});

function turn(yaw, pitch) {
  state.camera.yaw = clamp(state.camera.yaw + yaw, -MAX_YAW, MAX_YAW);
  state.camera.pitch = clamp(state.camera.pitch + pitch, -MAX_PITCH, MAX_PITCH);
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
element.addEventListener('keydown', (event) => {
  if (!state.scene || event.ctrlKey || event.metaKey || event.altKey) return;
  const [arrow, flat] = [ARROWS[event.key], event.target.matches('[data-view]')];
  if (!flat && !isCanvas(event)) return;
  if (flat && arrow) {
    const step = event.shiftKey ? 10 : 1;
    const { x, y } = state.cross ?? { x: state.scene.width >> 1, y: state.scene.height >> 1 };
    setCross(onPicture(x + step * arrow[0], y + step * arrow[1]));
  } else if (event.key === 'Enter') mark(state.cross);
  else if (event.key === 'Escape') clear();
  else if (arrow) touched(() => turn(0.08 * arrow[0], 0.08 * arrow[1]));
  else if (!flat && '+-='.includes(event.key)) touched((camera) => { camera.zoom = clamp(camera.zoom * (event.key === '-' ? 1.1 : 0.9), 0.05, 8); });
  else if (!flat && event.key === '0') { reset(); draw(); }
  else if (!flat && event.key === 'Home') touched((camera) => Object.assign(camera, START, { pan: [0, 0] }));
  else return;
  event.preventDefault();
  event.stopPropagation();
});
element.addEventListener('input', (event) => {
  if (event.target.matches('[data-fov]')) {
    state.camera.fov = Number(event.target.value);
    showFov();
    if (!state.scene) return;
    draw();
    showReading();
  } else if (event.target.matches('[name=fg3-mode]')) {
    state.mode = event.target.value;
    if (state.mode === DIFFERENCE) state.torn = part('surface').checked = false;
    rebuild();
  } else if (event.target.matches('[data-surface]')) {
    state.torn = event.target.checked;
    const predicted = state.torn && 'predicted' in state.scene.labels ? 'predicted' : null;
    if (state.torn) state.before = state.mode;
    state.mode = predicted ?? (state.torn ? labelName() : state.before);
    makeControls();
    rebuild();
  }
});
watch('value', setup);
setup();
