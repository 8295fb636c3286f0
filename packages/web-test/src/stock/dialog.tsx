import type { Connection } from "../connection.ts";
import { href } from "../route.ts";
import { Dialog } from "../ui/dialog.tsx";
import { Figures } from "../inventory/figures.tsx";
import { Adjust, Reorder, Reserve } from "../inventory/form.tsx";
import { ProductReservations } from "../reservation/entry.tsx";
import type { Row } from "./store.ts";

/** Where the focus is when the dialog opens. */
export type Part = "stock" | "reservations";

interface Props {
  row: Row;
  part: Part;
  connection: Connection;
  onClose: () => void;
}

/** All actions on one product's stock. */
export function StockDialog({ row, part, connection, onClose }: Props) {
  const { name } = row.product.value;
  const level = row.level.value;
  return (
    <Dialog title={name} onClose={onClose}>
      <Figures level={level}>
        <a href={href("products", row.id)}>Product</a>
        <a href={href("history", "inventory", row.id)}>History</a>
      </Figures>
      <Adjust id={row.id} name={name} connection={connection} />
      <Reorder id={row.id} level={level} connection={connection} />
      <Reserve id={row.id} name={name} connection={connection} />
      <ProductReservations
        productId={row.id}
        connection={connection}
        focused={part === "reservations"}
      />
    </Dialog>
  );
}
