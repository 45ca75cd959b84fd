import { describe, expect, it } from "vitest";
import { problem, query } from "../src/api";
import { contrast, GROUND, taskRgb, visible } from "../src/palette";
import { choice, resourceTitle } from "../src/panels";
import { parseRoute } from "../src/route";

describe("routes", () => {
  it("stand in the hash", () => {
    expect(parseRoute("")).toEqual({ view: "orders", status: "", name: "" });
    expect(parseRoute("#/orders?status=failed&name=leaf")).toEqual({ view: "orders", status: "failed", name: "leaf" });
    expect(parseRoute("#/orders?status=odd")).toMatchObject({ status: "" });
    expect(parseRoute("#/orders/leaf-1")).toEqual({ view: "order", id: "leaf-1" });
    expect(parseRoute("#/tasks/resize")).toEqual({ view: "task", task: "resize" });
  });
  it("that mean nothing say so", () => {
    for (const hash of ["#/what", "#/orders/a/b", "#/orders/%"]) expect(parseRoute(hash)).toEqual({ view: "unknown" });
  });
});

describe("colours", () => {
  it("of every task can be seen on both grounds", () => {
    for (const theme of ["light", "dark"] as const)
      for (let i = 0; i < 40; i += 1) expect(contrast(visible(taskRgb(i), theme), GROUND[theme])).toBeGreaterThanOrEqual(3);
  });
});

describe("errors", () => {
  const answer = (body: string, status = 409) => problem(new Response(body, { status, statusText: "Conflict" }));
  it("are the detail of a problem document", async () => {
    expect((await answer('{"title":"Conflict","detail":"leaf-1 is used"}')).message).toBe("leaf-1 is used");
    expect((await answer('{"title":"Conflict"}')).message).toBe("Conflict");
  });
  it("have words without one, too", async () => {
    expect((await answer("<html>")).message).toBe("the server answered 409 Conflict");
    expect((await answer("null")).status).toBe(409);
  });
});

it("a query leaves out what is empty", () => expect(query({ a: "", b: null, c: false, d: 0, e: "x y" })).toBe("?d=0&e=x+y"));

it("resources have titles", () => {
  expect(resourceTitle(choice("memory_anon"))).toBe("Memory, anonymous");
  expect(resourceTitle(choice("swap"))).toBe("Swap");
  expect(resourceTitle(choice("of tomorrow"))).toBe("CPU, total");
});
