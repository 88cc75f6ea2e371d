/** Lists: a caption, a row for each thing, and how many there are in all. On a narrow page each row is a card. */
import type { ComponentChildren } from 'preact';
import type { Listed } from '../client/contract.ts';
import { query } from '../client/request.ts';

export interface Column<Row> {
  readonly name: string;
  readonly isNumber?: boolean;
  /** A button that sorts by it. */
  readonly sort?: { readonly isOn: boolean; readonly onSort: () => void };
  readonly cell: (row: Row) => ComponentChildren;
}

interface ListTableProps<Row> {
  readonly caption: string;
  /** Else the caption is read and not seen: where it repeats the heading. */
  readonly isCaptionSeen?: boolean;
  readonly rows: readonly Row[];
  readonly idOf: (row: Row) => string;
  /** The first is the heading of its row. */
  readonly columns: readonly [Column<Row>, ...Column<Row>[]];
  /** What can be done with a row, at its end. */
  readonly acts?: (row: Row) => ComponentChildren;
}

// the roles are said, for a table whose cells are laid out otherwise is none to some readers
export function ListTable<Row>({ caption, isCaptionSeen = false, rows, idOf, columns, acts }: ListTableProps<Row>) {
  const [first, ...others] = columns;
  return (
    <table role="table" class="list">
      <caption class={isCaptionSeen ? '' : 'unseen'}>{caption}</caption>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map(({ name, isNumber, sort }) => (
            <th
              key={name} role="columnheader" scope="col" class={isNumber === true ? 'number' : ''}
              aria-sort={sort === undefined ? undefined : sort.isOn ? 'descending' : 'none'}
            >{sort === undefined ? name : <button type="button" class="sort" onClick={sort.onSort}>{name}</button>}</th>
          ))}
          {acts === undefined ? null : <td role="cell" />}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((row) => (
          <tr key={idOf(row)} role="row" data-id={idOf(row)}>
            <th role="rowheader" scope="row">{first.cell(row)}</th>
            {others.map(({ name, isNumber, cell }) => (
              <td key={name} role="cell" data-name={name} class={isNumber === true ? 'number' : ''}>{cell(row)}</td>
            ))}
            {acts === undefined ? null : <td role="cell" class="acts">{acts(row)}</td>}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** `here`: the address of the first page, without its cursor. */
export function Paging(
  { list, path, given }: {
    readonly list: Pick<Listed<unknown>, 'total' | 'total_is_at_least' | 'next_cursor'>;
    readonly path: string;
    readonly given: Readonly<Record<string, string | undefined>>;
  },
) {
  return (
    <p class="paging">
      <span>{list.total} in all{list.total_is_at_least === true ? ', or more' : ''}</span>
      {list.next_cursor === null ? null : <a href={`${path}${query({ ...given, cursor: list.next_cursor })}`}>Next page</a>}
    </p>
  );
}
