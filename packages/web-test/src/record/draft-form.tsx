import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import type { Feed } from "../catalog.ts";
import { Field } from "../ui/field.tsx";
import type { KeyHeader } from "../ui/press.ts";
import { type Draft, draftOf, type Members, patchOf } from "./draft.ts";
import { RecordForm } from "./form.tsx";

interface Props<Name extends string> {
  resource: Feed;
  /** Undefined for a new record. */
  record: (Members & { id: string; version: number }) | undefined;
  /** The members that have a field. */
  names: readonly Name[];
  /** The fields of a new record that are not empty. */
  defaults: Partial<Draft<NoInfer<Name>>>;
  /** The page to show after a save; by default the list. */
  after?: readonly string[];
  membersOf: (draft: Draft<Name>) => Members;
  get: (id: string) => Promise<Members & { version: number }>;
  create: (members: Members, headers: KeyHeader) => Promise<unknown>;
  patch: (id: string, patch: Members, headers: KeyHeader) => Promise<unknown>;
  remove: (id: string, headers: Record<string, string>) => Promise<unknown>;
  /** Draws the fields. */
  children: (
    field: (name: Name, label: string, options?: FieldOptions) => ComponentChildren,
  ) => ComponentChildren;
}

type FieldOptions = Pick<Parameters<typeof Field>[0], "hint" | "lines" | "options" | "required">;

/** The form of a record with a field for each member. An edit sends the changed members only (PATCH). */
export function DraftForm<Name extends string>(props: Props<Name>) {
  const { resource, record, names, defaults, after, membersOf, get, create, patch, remove } = props;
  const draft = useSignal(draftOf(names, record ?? {}, defaults));
  return (
    <RecordForm
      resource={resource}
      record={record}
      names={names}
      {...(after && { after })}
      read={() => membersOf(draft.value)}
      write={(members) => (draft.value = draftOf(names, members, defaults))}
      save={(members, base, version, key) =>
        record
          ? patch(record.id, patchOf(names, members, base), { ...key, "If-Match": `"${version}"` })
          : create(members, key)
      }
      reload={() => get(record?.id ?? "")}
      remove={(headers) => remove(record?.id ?? "", headers)}
    >
      {(problems) =>
        props.children((name, label, options = {}) => (
          <Field
            label={label}
            value={draft.value[name]}
            onInput={(value) => (draft.value = { ...draft.value, [name]: value })}
            problems={problems[name] ?? []}
            {...options}
          />
        ))
      }
    </RecordForm>
  );
}
