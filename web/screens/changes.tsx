/** Changes as a table: what is there now, what will be, and how risky it all is. */
import type { ComponentChildren } from 'preact';
import type { Change, Item, Risk } from '../client/contract.ts';
import { ListTable, type Column } from '../parts/table.tsx';

type Values = Item['before'];

/** A value as a person reads it. */
export function valueText(value: unknown): string {
  if (typeof value === 'string') return value;
  return Array.isArray(value) && value.every((each) => typeof each === 'string') ? value.join(', ') : JSON.stringify(value);
}

/** `other`: what it is compared with; what differs is marked. */
export function ValuesCell({ values, other, none }: { readonly values: Values; readonly other: Values; readonly none: string }) {
  if (values === null) return <span class="quiet">{none}</span>;
  return (
    <dl class="values">
      {Object.entries(values).map(([name, value]) => {
        const isOther = other !== null && JSON.stringify(other[name]) !== JSON.stringify(value);
        return <div key={name}><dt>{name}</dt><dd>{isOther ? <mark>{valueText(value)}</mark> : valueText(value)}</dd></div>;
      })}
    </dl>
  );
}

const operations: Readonly<Record<Item['operation'], string>> = { create: 'new', update: 'changed', delete: 'removed' };

/** The columns that every table of changes begins with. */
export const ofChange = [
  {
    name: 'Target', cell: (item) => <><span class="target">{item.target}</span> <span class="badge">{operations[item.operation]}</span></>,
  },
  { name: 'Before', cell: (item) => <ValuesCell values={item.before} other={item.after} none="not there" /> },
  { name: 'After', cell: (item) => <ValuesCell values={item.after} other={item.before} none="removed" /> },
] as const satisfies readonly Column<Pick<Change, 'target' | 'operation' | 'before' | 'after'>>[];

export const percent = (share: number): string => `${Math.round(share * 100)} %`;

/** Proposed changes that the reader does not decide on. */
export function ChangesTable({ items }: { readonly items: readonly Item[] }) {
  const [target, ...values] = ofChange;
  return (
    <ListTable
      caption="Changes" isCaptionSeen rows={items} idOf={(item) => item.recommendation_id}
      columns={[
        { name: target.name, cell: (item) => <>{target.cell(item)}<p class="quiet">{item.rationale}</p></> }, ...values,
        { name: 'Confidence', isNumber: true, cell: (item) => percent(item.confidence) }, { name: 'Decision', cell: (item) => item.status },
      ]}
    />
  );
}

const parts: readonly (readonly [name: keyof Risk['parts'], text: string])[] = [
  ['size', 'how many changes'], ['deletions', 'deletions'], ['dependencies', 'changes that depend on others'],
];

export function RiskText({ risk, isSecond = false }: { readonly risk: Risk; readonly isSecond?: boolean }) {
  const named = parts.filter(([name]) => risk.parts[name] > 0).map(([name, text]) => `${risk.parts[name]} for ${text}`);
  return (
    <p class="risk">
      <strong>Risk {risk.score} = {named.length === 0 ? '0: few changes, none removes or depends on another' : named.join(' + ')}</strong>
      {risk.two_people || isSecond ? <span class="badge parked">Two people must approve</span> : null}
    </p>
  );
}

export function Region({ title, id, children }: { readonly title: string; readonly id: string; readonly children: ComponentChildren }) {
  return <section class="card" aria-labelledby={id}><h2 id={id}>{title}</h2>{children}</section>;
}
