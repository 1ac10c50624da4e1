import { describe, expect, it } from "vitest";
import { Sha256 } from "../src/sha256";

/** The same by the platform's own digest. */
async function platform(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Bytes that look random and are the same in every run (xorshift32). */
function noise(length: number, seed: number): Uint8Array<ArrayBuffer> {
  let x = seed;
  return Uint8Array.from({ length }, () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x & 0xff;
  });
}

const text = (of: string): Uint8Array => new TextEncoder().encode(of);

describe("SHA-256", () => {
  it.each([
    ["", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    ["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
    [
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    ],
  ])("of %j is the vector that its standard gives", (of, digest) => {
    expect(new Sha256().update(text(of)).hex()).toBe(digest);
  });

  it("of a million letters, in pieces, is the vector that its standard gives", () => {
    const sha = new Sha256();
    for (let i = 0; i < 1000; i++) {
      sha.update(text("a".repeat(1000)));
    }
    expect(sha.hex()).toBe("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  });

  it("is the platform's for every length around the blocks", async () => {
    for (let length = 0; length <= 200; length++) {
      const bytes = noise(length, length + 1);
      expect(new Sha256().update(bytes).hex(), `${length} bytes`).toBe(await platform(bytes));
    }
  });

  it("does not depend on how its bytes were cut", async () => {
    const bytes = noise(100_003, 7);
    const digest = await platform(bytes);
    for (const step of [1, 63, 64, 65, 1000, 65_536]) {
      const sha = new Sha256();
      for (let at = 0; at < bytes.length; at += step) {
        sha.update(bytes.subarray(at, at + step));
      }
      expect(sha.hex(), `pieces of ${step}`).toBe(digest);
    }
  });

  it("is read once", () => {
    const sha = new Sha256();
    sha.hex();
    expect(() => sha.update(text("more"))).toThrow("start a new one");
    expect(() => sha.hex()).toThrow("start a new one");
  });
});
