// Modules as they travel: gzip in base64.

export async function unpacked(base64: string): Promise<string> {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

/** The address of a module's text. It stays valid: what the module loads later imports from it. */
export const addressOf = (text: string): string => URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
