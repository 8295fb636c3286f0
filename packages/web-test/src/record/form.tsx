import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { type Feed, RESOURCES } from "../catalog.ts";
import { notify } from "../notice.tsx";
import { href, navigate } from "../route.ts";
import { hasScope } from "../session.ts";
import { Ask } from "../ui/ask.tsx";
import { Button } from "../ui/button.tsx";
import { type KeyHeader, usePress } from "../ui/press.ts";
import { useUnsaved } from "../ui/unsaved.tsx";
import type { Members } from "./draft.ts";
import { Merge } from "./merge.tsx";
import { isStale, type Problems, problemsOf } from "./problem.ts";

/** The members of a record without those that the server sets. */
export function ownMembers(record: Members): Members {
  const { id: _id, createdAt: _created, updatedAt: _updated, version: _version, ...own } = record;
  return own;
}

/** What a form holds, as text that can be compared; also if it can't be parsed. */
function textOf(read: () => Members): string | undefined {
  try {
    return JSON.stringify(read());
  } catch {
    return undefined;
  }
}

interface Props {
  resource: Feed;
  /** Undefined for a new record. */
  record: (Members & { id: string; version: number }) | undefined;
  /** The members that have a field; problems with other members are shown below the fields. */
  names: readonly string[];
  /** The page to show after a save; by default the list. */
  after?: readonly string[];
  /** The members that the form holds now. Throws if its text can't be parsed. */
  read: () => Members;
  /** Replaces what the form holds, after a merge. */
  write: (members: Members) => void;
  save: (
    members: Members,
    base: Members,
    version: number | undefined,
    key: KeyHeader,
  ) => Promise<unknown>;
  reload: () => Promise<Members & { version: number }>;
  /** Deletes the record with these headers. */
  remove: (headers: Record<string, string>) => Promise<unknown>;
  children: (problems: Problems) => ComponentChildren;
}

/**
 * A form that creates or edits a record. Problems are shown at their fields. If the record was
 * changed meanwhile (412), the user merges both versions.
 */
export function RecordForm(props: Props) {
  const { resource, record, names, read, write, save, reload, remove, children } = props;
  const problems = useSignal<Problems>({});
  const base = useSignal<Members>(record ? ownMembers(record) : {});
  const version = useSignal(record?.version);
  const theirs = useSignal<Members & { version: number }>();
  const { isBusy, send: sendOnce } = usePress();
  const opened = useRef(textOf(read));
  useUnsaved(textOf(read) !== opened.current);

  const showError = async (error: unknown) => {
    if (isStale(error) && record) theirs.value = await reload();
    else problems.value = problemsOf(error, names);
  };
  /** Carries out a write, returns to the list and shows the problems of a refused one. */
  const carryOut = async (
    done: string,
    request: (key: KeyHeader) => Promise<unknown>,
    content: unknown,
    next: readonly string[] = [resource],
  ) => {
    try {
      await sendOnce(request, content);
      notify("done", done);
      navigate(...next);
    } catch (error) {
      await showError(error).catch((reloadError: unknown) => {
        problems.value = problemsOf(reloadError, names);
      });
    }
  };
  const submit = (members: Members) => {
    if (isBusy.peek()) return;
    const [from, at] = [base.value, version.value];
    const request = (key: KeyHeader) => save(members, from, at, key);
    void carryOut("Saved", request, [members, at], props.after);
  };
  const send = () => {
    problems.value = {};
    theirs.value = undefined;
    try {
      submit(read());
    } catch (error) {
      problems.value = problemsOf(error, names);
    }
  };
  const merge = (members: Members) => {
    if (!theirs.value || isBusy.peek()) return;
    base.value = ownMembers(theirs.value);
    version.value = theirs.value.version;
    theirs.value = undefined;
    write(members);
    submit(members);
  };
  // Only the version on screen is deleted: a newer one is shown first.
  const removeRecord = () => {
    if (isBusy.peek()) return;
    problems.value = {};
    const headers = { "If-Match": `"${version.value}"` };
    void carryOut("Deleted", (key) => remove({ ...key, ...headers }), ["delete", version.value]);
  };
  const canWrite = hasScope(RESOURCES[resource].writeScope);
  const general = problems.value[""] ?? [];

  return (
    <form
      class="panel padded record-form"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (!isBusy.value) send();
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
          isBusy={isBusy.value}
          onMerged={merge}
        />
      )}
      <div class="row">
        <Button type="submit" primary disabled={!canWrite || isBusy.value}>
          {record ? "Save" : "Create"}
        </Button>
        <a class="button" href={href(...(props.after ?? [resource]))}>
          Back
        </a>
        {record && (
          <>
            <a class="button" href={href("history", resource, record.id)}>
              History
            </a>
            <Ask
              verb="Delete"
              question={`Delete version ${version.value} of this record? This is final.`}
              yes="Delete it"
              disabled={!canWrite || isBusy.value}
              onYes={removeRecord}
            />
            <span class="faint num">version {version.value}</span>
          </>
        )}
      </div>
    </form>
  );
}
