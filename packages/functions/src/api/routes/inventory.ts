import * as Inventory from "@stockwire/core/catalog/inventory";
import * as InventoryCount from "@stockwire/core/catalog/inventory-count";
import { Hono } from "hono";
import { page, record, updated, updatedAll } from "../answer.ts";
import { writerOf } from "../caller.ts";
import type { Env } from "../env.ts";
import { pageOf, route } from "../route.ts";
import { answerHistory, historyOf } from "./history.ts";

export const inventory = new Hono<Env>()
  .get(
    "/",
    route({
      summary: "List inventory levels",
      access: "read:inventory",
      cache: "shared",
      query: Inventory.List,
      feeds: ["inventory"],
      throughIndex: ({ level }) => level !== undefined,
      answers: { 200: pageOf(Inventory.Info, "InventoryPage") },
    }),
    async (c) => page(c, await Inventory.list(c.req.valid("query"))),
  )
  .post(
    "/counts",
    route({
      summary: "Set the quantities of up to 25 products, all or none",
      access: "write:inventory",
      body: InventoryCount.Create,
      answers: { 200: InventoryCount.Info },
      refusals: ["inventory_not_found", "below_reserved", "stale_quantity"],
    }),
    async (c) => updatedAll(c, await InventoryCount.create(c.req.valid("json"), writerOf(c))),
  )
  .get(
    "/:productId",
    route({
      summary: "Get the inventory level of a product",
      access: "read:inventory",
      cache: "shared",
      feeds: ["inventory"],
      answers: { 200: Inventory.Info, 304: null },
    }),
    async (c) => record(c, await Inventory.get(c.req.param("productId"))),
  )
  .put(
    "/:productId",
    route({
      summary: "Set the quantity on hand",
      access: "write:inventory",
      body: Inventory.Put,
      answers: { 200: Inventory.Info },
      refusals: ["below_reserved", "stale_quantity"],
    }),
    async (c) => {
      const id = c.req.param("productId");
      return updated(c, await Inventory.set(id, c.req.valid("json"), writerOf(c), c.var.ifMatch));
    },
  )
  .post(
    "/:productId/adjustments",
    route({
      summary: "Add to the quantity on hand, or take from it",
      access: "write:inventory",
      body: Inventory.Adjust,
      answers: { 201: Inventory.Info },
      refusals: ["insufficient_stock"],
    }),
    async (c) => {
      const id = c.req.param("productId");
      const adjustment = c.req.valid("json");
      return updated(c, await Inventory.adjust(id, adjustment, writerOf(c), c.var.ifMatch), 201);
    },
  )
  .get("/:productId/history", route(historyOf("inventory")), (c) =>
    answerHistory(c, "inventory", c.req.param("productId"), c.req.valid("query")),
  );
