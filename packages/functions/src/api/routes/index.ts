import { Hono } from "hono";
import type { Env } from "../env.ts";
import { change } from "./change.ts";
import { changeStream } from "./change-stream.ts";
import { inventory } from "./inventory.ts";
import { item } from "./item.ts";
import { product } from "./product.ts";
import { reservation } from "./reservation.ts";
import { service } from "./service.ts";
import { user } from "./user.ts";

/** All routes. A resource's routes are mounted at the name of its feed. */
export const api = new Hono<Env>()
  .route("/users", user)
  .route("/products", product)
  .route("/inventory", inventory)
  .route("/reservations", reservation)
  .route("/items", item)
  .route("/", change)
  .route("/", changeStream)
  .route("/", service);
