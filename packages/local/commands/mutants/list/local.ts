import type { Defect } from "../defect.ts";

const LOCAL = "packages/local";
const QUEUE = (title: string) => ({ file: `${LOCAL}/queue/queue.test.ts`, title });
const STREAM = (title: string) => ({ file: `${LOCAL}/stream/event-source-mapping.test.ts`, title });
const REDRIVE = (title: string) => ({ file: `${LOCAL}/redrive/stage.test.ts`, title });
const ISSUER = (title: string) => ({ file: `${LOCAL}/issuer/issuer.test.ts`, title });
const SIGN_IN = (title: string) => ({ file: `${LOCAL}/test/sign-in.test.ts`, title });

export const local: Defect[] = [
  {
    file: `${LOCAL}/queue/queue.ts`,
    text: "message.receiveCount > config.maxReceiveCount);",
    replacement: "message.receiveCount > config.maxReceiveCount * 1000);",
    harm: "A message that can never be processed is repeated for ever",
    test: QUEUE("a message that has failed too often becomes a dead letter"),
    mayHang: true,
  },
  {
    file: `${LOCAL}/queue/queue.ts`,
    text: "makeInvisible(failed, remaining());",
    replacement: "makeVisible(...failed);",
    harm: "A failed message is repeated at once, without the pause of its visibility timeout",
    test: QUEUE("after a failed invocation all its messages are received again"),
  },
  {
    file: `${LOCAL}/queue/queue.ts`,
    text: "if (!failed.includes(message)) remove(message);",
    replacement: "remove(message);",
    harm: "A message that its function reports as failed is lost",
    test: QUEUE("after a partial failure only the reported messages are received again"),
    mayHang: true,
  },
  {
    file: `${LOCAL}/queue/queue.ts`,
    text: "      onError(error);\n      retryLater();",
    replacement: "      onError(error);\n      remove(message);",
    harm: "A message is lost if its dead letter cannot be written",
    test: QUEUE("a message stays in the queue until its dead letter is written"),
  },
  {
    file: `${LOCAL}/stream/poller.ts`,
    text: "if (!waitsForParent && !ended.has(id) && !polls.has(id)) {",
    replacement: "if (!ended.has(id) && !polls.has(id)) {",
    harm: "Changes of one record arrive out of order when a shard splits",
    test: STREAM("a parent shard is read to its end before its children, and only once"),
    mayHang: true,
  },
  {
    file: `${LOCAL}/stream/poller.ts`,
    text: "        await processBatch(batch, processing);",
    replacement: `        const reachedLast = batch.at(-1)?.dynamodb.SequenceNumber;
        if (reachedLast !== undefined) await checkpoint(reachedLast);
        await processBatch(batch, processing);`,
    harm: "Changes are lost if the process is killed while it processes them",
    test: STREAM("a process is killed before its checkpoint"),
  },
  {
    file: `${LOCAL}/stream/batch.ts`,
    text: "if (retries >= 0 && attempts > retries) {",
    replacement: "if (retries >= 0 && attempts > retries + 1000) {",
    harm: "One record that cannot be processed stops all changes after it",
    test: STREAM("each of several poison records in a batch becomes a dead letter"),
    mayHang: true,
  },
  {
    file: `${LOCAL}/stream/batch.ts`,
    text: `  await processing.discard(records, condition, attempts, error);
  await checkpoint(records, processing);`,
    replacement: `  await checkpoint(records, processing);
  void processing.discard(records, condition, attempts, error);`,
    harm: "A record is lost if the process is killed before its dead letter is written",
    test: STREAM("a record is not discarded before its dead letter is written"),
  },
  {
    file: `${LOCAL}/stream/batch.ts`,
    text: "if (first > 0) await checkpoint(records.slice(0, first), processing);",
    replacement: "if (first > 0) await checkpoint(records, processing);",
    harm: "A restart skips the records after a partial failure",
    test: STREAM("records before a partial failure are not repeated after a restart"),
  },
  {
    file: `${LOCAL}/stream/shard.ts`,
    text: "BigInt(sequenceNumber) > BigInt(other);",
    replacement: "sequenceNumber > other;",
    harm: "Records are skipped once their sequence numbers have one digit more",
    test: STREAM("sequence numbers are compared as numbers, whatever their length"),
  },
  {
    file: `${LOCAL}/stream/lease.ts`,
    text: 'ConditionExpression: "leaseOwner = :me",',
    replacement: 'ConditionExpression: "leaseOwner = :me OR leaseOwner <> :me",',
    harm: "Two processes read one stream and deliver each change twice",
    test: STREAM("a lease that is not renewed is taken over"),
  },
  {
    file: `${LOCAL}/batch-item-failures.ts`,
    text: 'if (typeof identifier !== "string" || !batch.includes(identifier)) return invalid(value);',
    replacement: 'if (typeof identifier !== "string") return invalid(value);',
    harm: "A batch counts as processed although its function named a failed record wrongly",
    test: QUEUE("means that the whole batch has failed"),
  },
  {
    file: `${LOCAL}/issuer/client.ts`,
    text: "return idMatches && secretMatches;",
    replacement: "return idMatches;",
    harm: "Anyone who knows a client's id gets its tokens",
    test: ISSUER("a wrong secret"),
  },
  {
    file: `${LOCAL}/issuer/token-endpoint.ts`,
    text: "if (!requested.every((scope) => scopes.includes(scope))) {",
    replacement: "if (requested.length > 1000) {",
    harm: "A client gets scopes that it may not use",
    test: ISSUER("a scope that it may not use"),
  },
  {
    file: `${LOCAL}/issuer/grant-store.ts`,
    text: "return isFirst && isClients && isVerified ? renew(grant) : end(grant);",
    replacement: "return isClients && isVerified ? renew(grant) : end(grant);",
    harm: "Whoever has seen the code of a sign-in gets tokens with it",
    test: SIGN_IN("a code that comes twice"),
  },
  {
    file: `${LOCAL}/issuer/grant-store.ts`,
    text: "return isFirst && isClients && isVerified ? renew(grant) : end(grant);",
    replacement: "return isFirst && isClients ? renew(grant) : end(grant);",
    harm: "PKCE protects nothing: a code is enough",
    test: SIGN_IN("a wrong verifier"),
  },
  {
    file: `${LOCAL}/issuer/client.ts`,
    text: "text === `${url.origin}${url.pathname}`",
    replacement: "text.length > 0",
    harm: "A code is sent to an address that was not registered",
    test: SIGN_IN("a redirect URI that is not registered"),
  },
  {
    file: `${LOCAL}/engine/dynoxide-maintenance.ts`,
    text: ".get(Math.floor(Date.now() / 1000) - RETENTION);",
    replacement: ".get(Math.floor(Date.now() / 1000) + RETENTION);",
    harm: "Changes that no process has read yet are deleted from the stream",
    test: {
      file: `${LOCAL}/engine/dynoxide-maintenance.test.ts`,
      title: "stream records older than a day are deleted, and younger ones are kept",
    },
  },
  {
    file: `${LOCAL}/engine/ttl.ts`,
    text: '          ConditionExpression: "#ttl <= :now",',
    replacement: '          ConditionExpression: "attribute_exists(#ttl) OR #ttl <= :now",',
    harm: "An item is deleted although its time was moved to later",
    test: {
      file: `${LOCAL}/engine/ttl.test.ts`,
      title: "an item whose time is moved meanwhile is kept",
    },
  },
  {
    file: `${LOCAL}/file-lock.ts`,
    text: 'BEGIN EXCLUSIVE");',
    replacement: 'BEGIN DEFERRED");',
    harm: "Two servers write to one data folder and destroy it",
    test: {
      file: `${LOCAL}/engine/lock.test.ts`,
      title: "a folder that a running process has locked is refused",
    },
  },
  {
    file: `${LOCAL}/engine/dynamodb.ts`,
    text: "const delay = BACKOFF[crashes];",
    replacement: "const delay = BACKOFF[crashes + BACKOFF.length];",
    harm: "After a crash of the engine the laptop stays without a database",
    test: {
      file: `${LOCAL}/engine/dynamodb.test.ts`,
      title: "an engine that is killed starts again and has lost no acknowledged write",
    },
  },
  {
    file: `${LOCAL}/redrive/letter.ts`,
    text: 'if (failures.length > 0) throw new Error("it still cannot be read',
    replacement: 'if (failures.length > 1000) throw new Error("it still cannot be read',
    harm: "A dead letter that fails again is deleted, and its change is lost",
    test: REDRIVE("--send invokes `changes` and deletes only what succeeds"),
  },
  {
    file: `${LOCAL}/redrive/letter.ts`,
    text: "await invoke({ Records, isRedrive: true })",
    replacement: "await invoke({ Records })",
    harm: "Each redrive of a poison record makes one more dead letter",
    test: REDRIVE("--send invokes `changes` and deletes only what succeeds"),
  },
  {
    file: `${LOCAL}/redrive/letter.ts`,
    text: "if (!records.every(isWhole)) {",
    replacement: "if (records.length === 0) {",
    harm: "A dead letter with only the keys of its record counts as sent, and its change is lost",
    test: REDRIVE("--send invokes `changes` and deletes only what succeeds"),
  },
  {
    file: `${LOCAL}/redrive/laptop.ts`,
    text: "if (left.size > 0) await appendFile(",
    replacement: "if (left.size > 1000) await appendFile(",
    harm: "On a laptop dead letters that fail again are lost",
    test: {
      file: `${LOCAL}/test/commands.test.ts`,
      title: "--send puts changes into the log, and keeps what cannot be read",
    },
  },
];
