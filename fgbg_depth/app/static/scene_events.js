// What pointers, keys and controls do in the 3-D tab. On the 3-D view one pointer turns it, two pointers move and zoom.
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
