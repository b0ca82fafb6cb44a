// Decompresses zlib bytes that the server sent as base64. Returns an ArrayBuffer.
async function inflate(text) {
  const compressed = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([compressed]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Response(stream).arrayBuffer();
}
