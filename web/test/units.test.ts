import { describe, expect, it } from "vitest";
import { axisSeconds, axisValue, bounded, format, formatBytes, formatCount, formatInstant, formatNumber, formatSeconds, increments, MISSING } from "../src/units";

const plain = (text: string) => text.replaceAll("\u00a0", " ");

describe("numbers read as in the crate chart", () => {
  it("bytes", () => {
    const shown = [0, 1, 1023, 1024, 1_048_575, 327_155_712, 1.61e9, 1e18, -2048].map((n) => plain(formatBytes(n)));
    expect(shown).toEqual(["0 B", "1 B", "1023 B", "1 KiB", "1 MiB", "312 MiB", "1.5 GiB", "888 PiB", "-2 KiB"]);
  });
  it("cores", () => {
    const shown = [0, 0.0125, 0.25, 1, 1.2549].map((n) => plain(format("cores", n)));
    expect(shown).toEqual(["0 cores", "12.5 millicores", "0.25 cores", "1 core", "1.25 cores"]);
  });
  it("times", () => {
    const shown = [0, 8.5e-4, 0.0103, 0.9996, 4.2, 99.4, 125, 3840, 7199.9, 266_400].map((n) => plain(formatSeconds(n)));
    expect(shown).toEqual(["0 s", "850 µs", "10.3 ms", "1 s", "4.2 s", "99.4 s", "2 min 5 s", "1 h 4 min", "2 h", "3 d 2 h"]);
  });
  it("counts, shares, bare numbers", () => {
    expect(formatCount(12_345)).toBe("12\u00a0345");
    expect(formatCount(1234)).toBe("1234");
    expect(plain(format("share", 0.4))).toBe("40 %");
    expect([0.004, 312.4, 1234.4, 2.5e9].map(formatNumber)).toEqual(["0.004", "312", "1234", "2.50e+9"]);
  });
});

describe("what isn't known", () => {
  it("is a dash and never zero", () => {
    for (const unit of ["cores", "share", "bytes", "bytes/s", "count", "1/s", "s"] as const)
      for (const value of [null, undefined, Number.NaN, Number.POSITIVE_INFINITY]) expect(format(unit, value)).toBe(MISSING);
    expect(formatInstant(null)).toBe(MISSING);
  });
  it("has no bound", () => {
    expect(bounded(MISSING, true)).toBe(MISSING);
    expect(plain(bounded("1 MiB", true))).toBe(">= 1 MiB");
    expect(bounded("1 MiB", false)).toBe("1 MiB");
  });
});

describe("axes", () => {
  it("of time change their unit with their length", () => {
    expect([axisSeconds(0.2, 0.5), axisSeconds(12, 60), axisSeconds(125, 600), axisSeconds(3900, 9000)].map(plain)).toEqual(["200 ms", "12 s", "2:05", "1:05 h"]);
  });
  it("of bytes go by powers of two", () => {
    expect(increments("bytes")).toContain(2 ** 26);
    expect(increments("cores")).toContain(0.2);
    expect(increments("count").every((n) => Number.isInteger(n))).toBe(true);
  });
  it("of cores stay in cores", () => expect(plain(axisValue("cores", 0.02))).toBe("0.02 cores"));
});

it("an instant of another day has its date", () => {
  const now = new Date(2026, 10, 25, 12, 0, 0);
  expect(formatInstant(new Date(2026, 10, 25, 8, 5, 9).toISOString(), now)).toBe("08:05:09");
  expect(formatInstant(new Date(2026, 10, 24, 8, 5, 9).toISOString(), now)).toBe("2026-11-24 08:05");
});
