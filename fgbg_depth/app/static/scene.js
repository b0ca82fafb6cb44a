// The 3-D view: draws the row's .glb file, the one that can be downloaded, with WebGL 2. Needs inflate.js.
const state = { yaw: 0, pitch: 0, zoom: 1, pan: [0, 0], row: null, cloud: null, gl: null };
const START = { yaw: 0.14, pitch: 0.07, zoom: 1.12, pan: [0, 0] };

const VERTEX = `#version 300 es
in vec3 position; in vec3 color;
uniform mat4 view; uniform vec4 lens;  // lens: x and y scale, size of a pixel at distance 1, camera distance
uniform vec2 shift;
out vec3 shade;
void main() {
  vec4 p = view * vec4(position, 1.0);
  float far = max(-p.z, 1e-3);
  gl_Position = vec4((p.x + shift.x) * lens.x, (p.y + shift.y) * lens.y, far - 0.02, far);
  gl_PointSize = clamp(1.25 * lens.z * max(lens.w - position.z, 0.0) / far, 1.5, 40.0);
  shade = pow(color, vec3(1.0 / 2.2));
}`;
const FRAGMENT = `#version 300 es
precision mediump float; in vec3 shade; out vec4 pixel;
void main() { pixel = vec4(shade, 1.0); }`;

function parse(buffer) {  // a .glb file as fgbg_depth/app/cloud.py writes it
  const view = new DataView(buffer);
  const length = view.getUint32(12, true);
  const gltf = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 20, length)));
  const block = (ArrayType, index) => {
    const { byteOffset, byteLength } = gltf.bufferViews[index];
    return new ArrayType(buffer.slice(28 + length + byteOffset, 28 + length + byteOffset + byteLength));
  };
  const primitive = gltf.meshes[0].primitives[0];
  return {
    points: block(Float32Array, 0), colors: block(Uint16Array, 1), num: gltf.accessors[0].count,
    triangles: primitive.mode === 4 ? block(Uint32Array, 2) : null,
    distance: gltf.nodes[1].translation[2], yfov: gltf.cameras[0].perspective.yfov, aspect: gltf.cameras[0].perspective.aspectRatio,
    pixel: gltf.asset.extras.pixel,
  };
}

function prepare(canvas) {
  if (state.gl?.canvas === canvas) return state.gl;
  const gl = canvas.getContext('webgl2', { antialias: true });
  if (!gl) return null;
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  gl.useProgram(program);
  gl.enable(gl.DEPTH_TEST);
  gl.clearColor(0.06, 0.055, 0.075, 1);
  state.at = Object.fromEntries(['view', 'lens', 'shift'].map((name) => [name, gl.getUniformLocation(program, name)]));
  state.buffers = ['position', 'color'].map((name) => [gl.getAttribLocation(program, name), gl.createBuffer()]);
  state.indices = gl.createBuffer();
  state.gl = gl;
  return gl;
}

async function setup() {
  const root = element.querySelector('[data-glb]');
  if (!root) return;
  const canvas = root.querySelector('canvas');
  const gl = prepare(canvas);
  if (!gl) {
    root.classList.add('fg-flat');
    return;
  }
  const buffer = await inflate(root.dataset.glb);
  const cloud = parse(buffer);
  const [position, color] = state.buffers;
  for (const [[attribute, store], data, size, type, normalized] of [
    [position, cloud.points, 3, gl.FLOAT, false], [color, cloud.colors, 4, gl.UNSIGNED_SHORT, true]]) {
    gl.bindBuffer(gl.ARRAY_BUFFER, store);
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(attribute);
    gl.vertexAttribPointer(attribute, size, type, normalized, 0, 0);
  }
  if (cloud.triangles) {
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, state.indices);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, cloud.triangles, gl.STATIC_DRAW);
  }
  if (state.row !== root.dataset.row) Object.assign(state, START, { pan: [0, 0], row: root.dataset.row });
  state.cloud = cloud;
  const link = root.querySelector('[data-save]');
  if (link.href) URL.revokeObjectURL(link.href);
  link.href = URL.createObjectURL(new Blob([buffer], { type: 'model/gltf-binary' }));
  if (state.observed !== canvas) {
    state.observed = canvas;
    new ResizeObserver(draw).observe(canvas);
  }
  draw();
  root.dataset.drawn = root.dataset.row;
}

function draw() {
  const { gl, cloud } = state;
  if (!gl || !cloud) return;
  const canvas = gl.canvas;
  const ratio = Math.min(devicePixelRatio || 1, 2);
  const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
  if (!width || !height) return;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  gl.viewport(0, 0, width, height);
  gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
  // Seen from the camera of the picture, the model fills the canvas as the picture would. It rotates about its middle.
  const tall = 1.12 * Math.tan(cloud.yfov / 2) * Math.max(1, (cloud.aspect * height) / width);
  const [c, s, k, t] = [Math.cos(state.yaw), Math.sin(state.yaw), Math.cos(state.pitch), Math.sin(state.pitch)];
  gl.uniformMatrix4fv(state.at.view, false, [c, s * t, -s * k, 0, 0, k, t, 0, s, -c * t, c * k, 0, 0, 0, -cloud.distance * state.zoom, 1]);
  gl.uniform4f(state.at.lens, height / width / tall, 1 / tall, (cloud.pixel * height) / (2 * tall), cloud.distance);
  const reach = 2 * tall * cloud.distance * state.zoom / canvas.clientHeight;
  gl.uniform2f(state.at.shift, state.pan[0] * reach, state.pan[1] * reach);
  if (cloud.triangles) gl.drawElements(gl.TRIANGLES, cloud.triangles.length, gl.UNSIGNED_INT, 0);
  else gl.drawArrays(gl.POINTS, 0, cloud.num);
}

const pointers = new Map();  // positions of the pointers that are down: one rotates, two move and zoom
const isCanvas = (event) => event.target.matches('canvas');
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const pointerDistance = () => { const [a, b] = [...pointers.values()]; return Math.hypot(a[0] - b[0], a[1] - b[1]); };

element.addEventListener('pointerdown', (event) => {
  if (!isCanvas(event)) return;
  event.target.setPointerCapture(event.pointerId);
  pointers.set(event.pointerId, [event.clientX, event.clientY]);
});
element.addEventListener('pointermove', (event) => {
  const before = pointers.get(event.pointerId);
  if (!before) return;
  const distance = pointers.size === 2 ? pointerDistance() : 0;
  pointers.set(event.pointerId, [event.clientX, event.clientY]);
  const [dx, dy] = [event.clientX - before[0], event.clientY - before[1]];
  if (pointers.size === 2 || event.shiftKey || event.buttons === 2) {
    state.pan = [state.pan[0] + dx / pointers.size, state.pan[1] - dy / pointers.size];
    if (distance) state.zoom = clamp(state.zoom * distance / pointerDistance(), 0.05, 8);
  } else {
    state.yaw += dx * 0.008;
    state.pitch = clamp(state.pitch + dy * 0.008, -1.5, 1.5);
  }
  draw();
});
for (const end of ['pointerup', 'pointercancel']) element.addEventListener(end, (event) => pointers.delete(event.pointerId));
element.addEventListener('contextmenu', (event) => isCanvas(event) && event.preventDefault());
element.addEventListener('wheel', (event) => {
  if (!isCanvas(event)) return;
  event.preventDefault();
  state.zoom = clamp(state.zoom * Math.exp(event.deltaY * 0.001), 0.05, 8);
  draw();
}, { passive: false });
function reset() {
  Object.assign(state, START, { pan: [0, 0] });
  draw();
}
element.addEventListener('dblclick', (event) => isCanvas(event) && reset());
element.addEventListener('click', (event) => event.target.closest('[data-reset]') && reset());
element.addEventListener('keydown', (event) => {
  const change = { ArrowLeft: [-0.08, 0, 1], ArrowRight: [0.08, 0, 1], ArrowUp: [0, -0.08, 1], ArrowDown: [0, 0.08, 1], '+': [0, 0, 0.9], '-': [0, 0, 1.1] }[event.key];
  if (!change || !isCanvas(event)) return;
  event.preventDefault();
  state.yaw += change[0];
  state.pitch = clamp(state.pitch + change[1], -1.5, 1.5);
  state.zoom = clamp(state.zoom * change[2], 0.05, 8);
  draw();
});
watch('value', setup);
setup();
