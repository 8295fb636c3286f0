interface Props {
  columns: readonly { title: string; num?: boolean }[];
}

/** The head of a table that is not sorted. A column of numbers is marked with `num`. */
export const TableHead = ({ columns }: Props) => (
  <thead>
    <tr>
      {columns.map(({ title, num }) => (
        <th key={title} scope="col" class={num ? "num" : undefined}>
          {title}
        </th>
      ))}
    </tr>
  </thead>
);
