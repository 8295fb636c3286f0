import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { notify, tried } from "../notice.ts";
import { go, href } from "../route.ts";
import { may } from "../session.ts";
import { Action } from "../ui/action.tsx";
import { Merge } from "./merge.tsx";
import { isStale, type Problems, problemsOf } from "./problem.ts";

export type Members = Readonly<Record<string, unknown>>;

/** A record's members without those that the server owns. */
export function ownMembers(record: Members): Members {
  const { id: _id, createdAt: _made, updatedAt: _changed, version: _version, ...own } = record;
  return own;
}

interface Props {
  noun: "users" | "items";
  /** Undefined for a new record. */
  record: (Members & { id: string; version: number }) | undefined;
  names: readonly string[];
  /** What the form says; throws what can't be read. */
  read: () => Members;
  /** Puts a merged record into the form. */
  write: (members: Members) => void;
  save: (members: Members, base: Members, version: number | undefined) => Promise<unknown>;
  reload: () => Promise<Members & { version: number }>;
  remove: () => Promise<unknown>;
  children: (problems: Problems) => ComponentChildren;
}

/** Saves a record, shows each problem at its field, and merges what two have saved. */
export function RecordForm(props: Props) {
  const { noun, record, names, read, write, save, reload, remove, children } = props;
  const problems = useSignal<Problems>({});
  const base = useSignal<Members>(record ? ownMembers(record) : {});
  const version = useSignal(record?.version);
  const theirs = useSignal<Members & { version: number }>();
  const busy = useSignal(false);

  const refuse = async (error: unknown) => {
    if (isStale(error) && record) theirs.value = await reload();
    else problems.value = problemsOf(error, names);
  };
  const submit = async (members: Members) => {
    busy.value = true;
    try {
      await save(members, base.value, version.value);
      notify("done", "Saved");
      go(noun);
    } catch (error) {
      await refuse(error).catch((gone: unknown) => {
        problems.value = problemsOf(gone, names);
      });
    } finally {
      busy.value = false;
    }
  };
  const send = () => {
    problems.value = {};
    theirs.value = undefined;
    try {
      void submit(read());
    } catch (error) {
      problems.value = problemsOf(error, names);
    }
  };
  const merge = (members: Members) => {
    if (!theirs.value) return;
    base.value = ownMembers(theirs.value);
    version.value = theirs.value.version;
    theirs.value = undefined;
    write(members);
    void submit(members);
  };
  const drop = async () => {
    if ((await tried("Delete it", remove())) !== undefined) go(noun);
  };
  const general = problems.value[""] ?? [];

  return (
    <form
      class="panel padded record-form"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (!busy.value) send();
      }}
    >
      {children(problems.value)}
      <div role="alert">
        {general.map((text) => (
          <p key={text} class="problem">
            {text}
          </p>
        ))}
      </div>
      {theirs.value && (
        <Merge
          base={base.value}
          mine={read()}
          theirs={ownMembers(theirs.value)}
          version={theirs.value.version}
          onMerged={merge}
        />
      )}
      <div class="row">
        <Action type="submit" primary off={!may(`write:${noun}`)}>
          {record ? "Save" : "Create"}
        </Action>
        <a class="action" href={href(noun)}>
          Back
        </a>
        {record && (
          <>
            <a class="action" href={href("history", noun, record.id)}>
              History
            </a>
            <Action off={!may(`write:${noun}`)} onPress={() => void drop()}>
              Delete
            </Action>
            <span class="faint num">version {version.value}</span>
          </>
        )}
      </div>
    </form>
  );
}
