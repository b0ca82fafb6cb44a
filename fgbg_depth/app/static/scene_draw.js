// Draws meshes with WebGL 2. A mesh is a grid of pixels at their distances with a texture. Needs scene_camera.js.
const VERTEX = `#version 300 es
in float distance;
uniform mat4 view; uniform vec2 scale; uniform vec4 grid;  // grid: left, top, vertices a row, step in pixels
uniform vec4 frame;  // width, height, width of a pixel at distance 1, distance of the pivot
uniform vec2 size; uniform float nearer;
out vec2 uv; out vec2 pixelAt;
void main() {
  int id = gl_VertexID, across = int(grid.z);
  vec2 inside = vec2(float(id % across), float(id / across)) * grid.w;
  inside = min(inside, size - 1.0);
  vec2 at = inside + grid.xy;
  vec2 side = vec2(at.x + 0.5 - frame.x / 2.0, frame.y / 2.0 - at.y - 0.5) * frame.z * distance;
  vec4 p = view * vec4(side, frame.w - distance, 1.0);
  float far = -p.z;
  gl_Position = vec4(p.xy * scale, far - 0.02 * frame.w * (1.0 + nearer), far);  // near plane at 2 % of the pivot
  uv = (inside + 0.5) / size;
  pixelAt = at;
}`;
const FRAGMENT = `#version 300 es
precision mediump float;
in vec2 uv; uniform sampler2D image; uniform float faded; out vec4 color;
void main() {
  vec4 c = texture(image, uv);
  if (c.a < 0.02) discard;
  float grey = dot(c.rgb, vec3(0.299, 0.587, 0.114));
  color = vec4(mix(c.rgb, vec3(grey * 0.6), faded) * c.a, c.a);
}`;
const PICK = `#version 300 es
precision highp float; precision highp int;
in vec2 uv; in vec2 pixelAt; uniform sampler2D image; uniform float number; out uvec4 found;
void main() {
  if (texture(image, uv).a < 0.5) discard;
  found = uvec4(uvec2(pixelAt + 0.5), uint(number), 1u);
}`;
const MAX_SIDE = 512;  // vertices a side; larger frames are drawn with every second, third, ... pixel
const TORN_RATIO = 1.1;  // EDGE_RATIO in fgbg_depth/app/cloud.py

function makeRenderer(canvas) {
  const gl = canvas.getContext('webgl2', { antialias: true, premultipliedAlpha: true });
  if (!gl) return null;
  const build = (fragment) => {
    const program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, fragment]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.bindAttribLocation(program, 0, 'distance');
    gl.linkProgram(program);
    return { program, at: (name) => gl.getUniformLocation(program, name) };
  };
  const programs = { paint: build(FRAGMENT), pick: build(PICK) };
  const target = { buffer: gl.createFramebuffer(), color: gl.createRenderbuffer(), depth: gl.createRenderbuffer(), found: gl.createBuffer(), requests: 0, width: 0, height: 0, drawn: false };
  gl.enable(gl.DEPTH_TEST);
  gl.depthFunc(gl.LEQUAL);
  gl.clearColor(0.06, 0.055, 0.075, 1);
  let meshes = [];

  function upload(mesh) {
    const { width, height } = mesh;
    const step = Math.max(1, Math.ceil(Math.max(width, height) / MAX_SIDE));
    const [across, down] = [Math.ceil((width - 1) / step) + 1, Math.ceil((height - 1) / step) + 1];
    const distances = new Float32Array(across * down);
    for (let j = 0; j < down; j++) for (let i = 0; i < across; i++) {
      distances[j * across + i] = mesh.distances[Math.min(j * step, height - 1) * width + Math.min(i * step, width - 1)];
    }
    const indices = triangles(distances, across, down, mesh.torn);
    const stores = { distances: gl.createBuffer(), indices: gl.createBuffer(), texture: gl.createTexture() };
    gl.bindBuffer(gl.ARRAY_BUFFER, stores.distances);
    gl.bufferData(gl.ARRAY_BUFFER, distances, gl.STATIC_DRAW);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, stores.indices);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, indices, gl.STATIC_DRAW);
    gl.bindTexture(gl.TEXTURE_2D, stores.texture);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, mesh.image);
    gl.generateMipmap(gl.TEXTURE_2D);
    for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, side, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR_MIPMAP_LINEAR);
    return { ...mesh, ...stores, grid: [mesh.x, mesh.y, across, step], count: indices.length };
  }

  function paint({ program, at }, lens, frame, camera, picking) {
    gl.useProgram(program);
    gl.uniformMatrix4fv(at('view'), false, lens.matrix);
    gl.uniform2f(at('scale'), ...lens.scale);
    gl.uniform4f(at('frame'), frame.width, frame.height, lens.pixel, camera.pivot);
    for (const mesh of meshes) {
      gl.uniform4f(at('grid'), ...mesh.grid);
      gl.uniform2f(at('size'), mesh.width, mesh.height);
      gl.uniform1f(at('nearer'), mesh.nearer ?? 0);
      if (picking) gl.uniform1f(at('number'), mesh.number);
      else gl.uniform1f(at('faded'), mesh.faded ? 0.85 : 0);
      gl.bindTexture(gl.TEXTURE_2D, mesh.texture);
      gl.bindBuffer(gl.ARRAY_BUFFER, mesh.distances);
      gl.enableVertexAttribArray(0);
      gl.vertexAttribPointer(0, 1, gl.FLOAT, false, 0, 0);
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, mesh.indices);
      gl.drawElements(gl.TRIANGLES, mesh.count, gl.UNSIGNED_INT, 0);
    }
  }

  return {
    // Replace what is drawn: meshes in the order of drawing, the farthest first, because soft edges are blended.
    show(next) {
      for (const mesh of meshes) {
        gl.deleteBuffer(mesh.distances);
        gl.deleteBuffer(mesh.indices);
        gl.deleteTexture(mesh.texture);
      }
      gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false);
      meshes = next.map((mesh) => upload(mesh));
      target.drawn = false;
    },
    draw(frame, camera) {
      const ratio = Math.min(devicePixelRatio || 1, 2);
      const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
      if (!width || !height) return null;
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
      const lens = lensOf(camera, frame, canvas.clientWidth, canvas.clientHeight);
      gl.bindFramebuffer(gl.FRAMEBUFFER, null);
      gl.viewport(0, 0, width, height);
      gl.enable(gl.BLEND);
      gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
      gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
      paint(programs.paint, lens, frame, camera, false);
      target.drawn = false;
      return lens;
    },
    // What is at a place of the canvas, in CSS pixels: {x, y, number}, or null. Asynchronous, because waiting for the
    // graphics card would stop the page.
    async pick(frame, camera, left, top) {
      const [width, height] = [canvas.clientWidth, canvas.clientHeight];
      if (left < 0 || top < 0 || left >= width || top >= height) return null;
      gl.bindFramebuffer(gl.FRAMEBUFFER, target.buffer);
      if (target.width !== width || target.height !== height) {
        for (const [store, format, place] of [[target.color, gl.RGBA16UI, gl.COLOR_ATTACHMENT0], [target.depth, gl.DEPTH_COMPONENT24, gl.DEPTH_ATTACHMENT]]) {
          gl.bindRenderbuffer(gl.RENDERBUFFER, store);
          gl.renderbufferStorage(gl.RENDERBUFFER, format, width, height);
          gl.framebufferRenderbuffer(gl.FRAMEBUFFER, place, gl.RENDERBUFFER, store);
        }
        Object.assign(target, { width, height, drawn: false });
      }
      if (!target.drawn) {
        gl.viewport(0, 0, width, height);
        gl.disable(gl.BLEND);
        gl.clearBufferuiv(gl.COLOR, 0, [0, 0, 0, 0]);
        gl.clear(gl.DEPTH_BUFFER_BIT);
        paint(programs.pick, lensOf(camera, frame, width, height), frame, camera, true);
        target.drawn = true;
      }
      gl.bindBuffer(gl.PIXEL_PACK_BUFFER, target.found);
      gl.bufferData(gl.PIXEL_PACK_BUFFER, 16, gl.STREAM_READ);
      gl.readPixels(Math.floor(left), height - 1 - Math.floor(top), 1, 1, gl.RGBA_INTEGER, gl.UNSIGNED_INT, 0);
      gl.bindBuffer(gl.PIXEL_PACK_BUFFER, null);
      const done = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
      gl.flush();
      const request = ++target.requests;
      while (gl.clientWaitSync(done, 0, 0) === gl.TIMEOUT_EXPIRED) await new Promise((resolve) => setTimeout(resolve, 4));
      gl.deleteSync(done);
      if (request !== target.requests) return null;  // a later request uses the buffer now
      const found = new Uint32Array(4);
      gl.bindBuffer(gl.PIXEL_PACK_BUFFER, target.found);
      gl.getBufferSubData(gl.PIXEL_PACK_BUFFER, 0, found);
      gl.bindBuffer(gl.PIXEL_PACK_BUFFER, null);
      return found[3] ? { x: found[0], y: found[1], number: found[2] } : null;
    },
  };
}

// Two triangles for each square of four neighbours; where `torn`, none across a jump of depth.
function triangles(distances, across, down, torn) {
  const found = new Uint32Array(6 * (across - 1) * (down - 1));
  let count = 0;
  for (let j = 0; j + 1 < down; j++) for (let i = 0; i + 1 < across; i++) {
    const a = j * across + i, b = a + 1, c = a + across, d = c + 1;
    if (torn) {
      const corners = [distances[a], distances[b], distances[c], distances[d]];
      if (Math.max(...corners) > TORN_RATIO * Math.min(...corners)) continue;
    }
    for (const corner of [a, c, b, b, c, d]) found[count++] = corner;
  }
  return found.subarray(0, count);
}
